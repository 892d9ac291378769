//! TLS beside the plain port: a certificate authority that lives as long as the venue, and a listener that shakes
//! hands before it hands a connection on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig, crypto};
use tokio_rustls::server::TlsStream;

/// Longest handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Most handshakes at a time; who comes beyond that waits to be accepted.
const HANDSHAKES_MAX: usize = 128;

/// A second port, with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Names and addresses by which clients know it, beside `localhost`, 127.0.0.1, ::1 and that of `listen`.
    pub names: Vec<String>,
    /// Write the authority's certificate to this file, as PEM, before the port is open.
    pub ca_out: Option<PathBuf>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A name that no certificate can have, or no randomness to make keys of.
    #[error("no certificate for these names: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate is none that TLS takes.
    #[error("certificate not taken: {0}")]
    Config(#[from] rustls::Error),
    /// The authority's certificate cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where to.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

/// What the venue proves itself with.
pub(super) struct Identity {
    /// The authority's certificate as PEM: what clients are to trust.
    pub(super) ca_pem: String,
    config: Arc<ServerConfig>,
}

impl Identity {
    /// A new authority and a certificate of it for these names.
    pub(super) fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let ca = authority()?;
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(names(options))?;
        leaf.distinguished_name.push(DnType::CommonName, "self-trader venue");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = leaf.signed_by(&key, &ca)?;
        let chain = vec![certificate.der().clone(), ca.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let ca_pem = ca.pem();
        if let Some(path) = &options.ca_out {
            std::fs::write(path, &ca_pem)
                .map_err(|source| TlsError::Write { path: path.display().to_string(), source })?;
        }
        Ok(Self { ca_pem, config: Arc::new(config) })
    }

    /// Wraps a listener: its connections speak TLS.
    pub(super) fn listener<L: Listener>(&self, inner: L) -> TlsListener<L> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        TlsListener { inner, acceptor, handshakes: JoinSet::new() }
    }
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "self-trader venue's own authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn names(options: &TlsOptions) -> Vec<String> {
    let own = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string(), Ipv6Addr::LOCALHOST.to_string()];
    let mut names = Vec::from(own);
    let listen = options.listen.ip();
    let listen = (!is_any(listen)).then(|| listen.to_string());
    for name in listen.iter().chain(&options.names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

const fn is_any(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_unspecified(),
        IpAddr::V6(address) => address.is_unspecified(),
    }
}

/// A connection that has shaken hands, and where it comes from; none if it failed.
type Shaken<L> = Option<(TlsStream<<L as Listener>::Io>, <L as Listener>::Addr)>;

/// Hands out connections whose handshake is done; those that fail or take too long are dropped.
pub(super) struct TlsListener<L: Listener> {
    inner: L,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Shaken<L>>,
}

impl<L: Listener> Listener for TlsListener<L>
where
    L::Addr: 'static,
{
    type Io = TlsStream<L::Io>;
    type Addr = L::Addr;

    /// Cancel safe: handshakes go on by themselves.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                (io, addr) = self.inner.accept(), if self.handshakes.len() < HANDSHAKES_MAX => {
                    let handshake = tokio::time::timeout(HANDSHAKE_WITHIN, self.acceptor.accept(io));
                    self.handshakes.spawn(async move { Some((handshake.await.ok()?.ok()?, addr)) });
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}
