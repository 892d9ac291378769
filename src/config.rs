//! Loads a configuration file and follows its references to secrets and addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use schemas::config::profile::ProfileFile;
use schemas::config::{
    CONFIG_BYTES_MAX, Code, Config, Fault, FeedUrl, FeedUrlError, Instrument, KafkaOption, SecretRef, Venue,
    feed_url, lease_store_url,
};

use crate::secret::{Secret, open_to_all};

/// The account that the embedded venue has from its start.
pub const EMBEDDED_KEY: &str = "test-key";
/// Its secret; it protects nothing.
pub const EMBEDDED_SECRET: &str = "test-secret";

/// What an instrument's venue wants to know us by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// API KEY.
    pub api_key: Secret,
    /// Secret.
    pub secret: Secret,
    /// Passphrase; empty where the venue has none.
    pub passphrase: Secret,
}

impl Credentials {
    /// Those of the embedded venue's own account.
    #[must_use]
    pub fn embedded() -> Self {
        let [api_key, secret, passphrase] =
            [EMBEDDED_KEY, EMBEDDED_SECRET, ""].map(|text| Secret::new(text.to_owned()));
        Self { api_key, secret, passphrase }
    }
}

/// What the process wants to know beside its accounts; all of it may be or hold a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// URL of the lease store: Lease Store, else the feed's Redis; none where there is neither.
    pub lease_store: Option<Secret>,
    /// Kafka Options, in the order of the file.
    pub kafka_options: Vec<(String, Secret)>,
    /// Admin Token; none where there is none.
    pub admin_token: Option<Secret>,
}

/// Reads a configuration file.
///
/// # Errors
/// Every fault of the file; CFG-001 alone where it cannot be read.
pub fn load(path: &Path) -> Result<Config, Vec<Fault>> {
    let bytes = read(path).map_err(|error| vec![Fault::new(Code::File, "", error.to_string())])?;
    Config::parse(&bytes)
}

/// Reads a venue's profile from a file.
///
/// # Errors
/// As [`load`].
pub fn load_profile(path: &Path) -> Result<ProfileFile, Vec<Fault>> {
    let bytes = read(path).map_err(|error| vec![Fault::new(Code::File, "", error.to_string())])?;
    ProfileFile::parse(&bytes)
}

/// Resolves the secrets of every instrument, in the order of the list. An instrument of the embedded
/// venue gets that venue's own account, whatever the file says.
///
/// # Errors
/// CFG-012 for each reference that leads nowhere, named by maker symbol and key; CFG-010 for each API KEY that
/// comes with another secret than before.
pub fn credentials(config: &Config) -> Result<Vec<Credentials>, Vec<Fault>> {
    credentials_from(config, |name| std::env::var_os(name))
}

/// [`credentials`], with the environment as an argument.
///
/// # Errors
/// As [`credentials`].
pub fn credentials_from(
    config: &Config,
    env: impl Fn(&str) -> Option<OsString> + Copy,
) -> Result<Vec<Credentials>, Vec<Fault>> {
    let mut faults = Vec::new();
    let all: Vec<Credentials> = config.instruments.iter().map(|one| own(one, env, &mut faults)).collect();
    if faults.is_empty() {
        one_secret_a_key(config, &all, &mut faults);
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// Follows every reference of a configuration: the feed's address is put into it, the rest is given back; then
/// asks [`Config::check`] again, since a feed may be there now. To be called after the command line has had its say.
///
/// # Errors
/// As [`credentials`], and CFG-012 for each reference beside the instruments that leads nowhere, CFG-004 where it
/// leads to no address, and what [`Config::check`] finds.
pub fn resolve(config: &mut Config) -> Result<(Vec<Credentials>, Access), Vec<Fault>> {
    resolve_from(config, |name| std::env::var_os(name))
}

/// [`resolve`], with the environment as an argument.
///
/// # Errors
/// As [`resolve`].
pub fn resolve_from(
    config: &mut Config,
    env: impl Fn(&str) -> Option<OsString> + Copy,
) -> Result<(Vec<Credentials>, Access), Vec<Fault>> {
    let credentials = credentials_from(config, env);
    let mut faults = credentials.as_ref().err().cloned().unwrap_or_default();
    let access = access(config, env, &mut faults);
    let open = open_files(config);
    config.warnings.extend(open);
    if let Err(found) = config.check() {
        faults.extend(found);
    }
    match credentials {
        Ok(credentials) if faults.is_empty() => Ok((credentials, access)),
        Ok(_) | Err(_) => Err(faults),
    }
}

/// The faults of a file as text: the file and their number, then one line each.
#[must_use]
pub fn report(path: &Path, faults: &[Fault]) -> String {
    let plural = if faults.len() == 1 { "fault" } else { "faults" };
    let mut text = format!("{}: {} {plural}", path.display(), faults.len());
    for fault in faults {
        write!(text, "\n{fault}").expect("writing to a string cannot fail");
    }
    text
}

/// Reads a file of settings; of one that is too large only as much as shows that it is.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut bytes = Vec::new();
    // One byte beyond the limit is enough for the parser to refuse the rest.
    file.take(CONFIG_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn own(
    instrument: &Instrument,
    env: impl Fn(&str) -> Option<OsString> + Copy,
    faults: &mut Vec<Fault>,
) -> Credentials {
    if instrument.venue == Venue::Simulated {
        return Credentials::embedded();
    }
    let mut follow = |name: &str, reference: &SecretRef| {
        Secret::resolve(reference, env).unwrap_or_else(|error| {
            let place = format!("{}/{name}", schemas::config::cut(&instrument.maker_symbol));
            faults.push(Fault::new(Code::Secret, place, error.to_string()));
            Secret::new(String::new())
        })
    };
    Credentials {
        api_key: follow("API KEY", &instrument.api_key),
        secret: follow("Secret", &instrument.secret),
        passphrase: follow("Passphrase", &instrument.passphrase),
    }
}

fn access(
    config: &mut Config,
    env: impl Fn(&str) -> Option<OsString> + Copy,
    faults: &mut Vec<Fault>,
) -> Access {
    let process = &mut config.process;
    if let (None, Some(reference)) = (&process.feed, &process.feed_reference) {
        process.feed = address("/Feed", reference, env, found_feed, faults);
    }
    let named = process.lease_store.as_ref();
    let named = named.map(|reference| address("/Lease Store", reference, env, lease_store_url, faults));
    let lease_store = named.unwrap_or_else(|| match &process.feed {
        Some(FeedUrl::Redis { url, .. }) => Some(url.clone()),
        Some(FeedUrl::Kafka(_) | FeedUrl::Tape { .. } | FeedUrl::Synthetic { .. }) | None => None,
    });
    let options = process.kafka_options.iter();
    let admin_token = Secret::resolve(&process.admin_token, env);
    let admin_token = admin_token
        .map_err(|error| faults.push(Fault::new(Code::Secret, "/Admin Token", error.to_string())))
        .ok();
    Access {
        admin_token: admin_token.filter(|token| !token.is_empty()),
        lease_store: lease_store.map(Secret::new),
        kafka_options: options.filter_map(|option| kafka_option(option, env, faults)).collect(),
    }
}

/// What stands where a reference leads, read as an address.
fn address<T>(
    place: &str,
    reference: &SecretRef,
    env: impl Fn(&str) -> Option<OsString>,
    parse: impl Fn(&str) -> Result<T, String>,
    faults: &mut Vec<Fault>,
) -> Option<T> {
    let found = Secret::resolve(reference, env).map_err(|error| (Code::Secret, error.to_string()));
    let read = found.and_then(|text| parse(text.expose()).map_err(|cause| (Code::Type, cause)));
    read.map_err(|(code, cause)| faults.push(Fault::new(code, place, cause))).ok()
}

/// A reference may lead to another secret than was meant: what has none of the schemes is not repeated.
fn found_feed(text: &str) -> Result<FeedUrl, String> {
    match FeedUrl::parse(text) {
        Err(FeedUrlError::Scheme(_)) => Err("not a feed URL; not shown".to_owned()),
        Ok(_) | Err(_) => feed_url(text),
    }
}

fn kafka_option(
    option: &KafkaOption,
    env: impl Fn(&str) -> Option<OsString>,
    faults: &mut Vec<Fault>,
) -> Option<(String, Secret)> {
    let KafkaOption { name, value } = option;
    let found =
        if name.ends_with(".pem") { Secret::resolve_pem(value, env) } else { Secret::resolve(value, env) };
    let place = format!("/Kafka Options/{name}");
    let found = found.map_err(|error| faults.push(Fault::new(Code::Secret, place, error.to_string())));
    found.ok().map(|value| (name.clone(), value))
}

/// A warning for each file of a secret that everybody on the machine may read.
fn open_files(config: &Config) -> Vec<Fault> {
    let process = &config.process;
    let instruments = config.instruments.iter().flat_map(|one| [&one.api_key, &one.secret, &one.passphrase]);
    let others = process.feed_reference.iter().chain(&process.lease_store);
    let options = process.kafka_options.iter().map(|option| &option.value);
    let files: BTreeSet<&Path> = instruments.chain(others).chain(options).filter_map(open_to_all).collect();
    let warning = |path: &Path| {
        let message = "everybody on this machine may read it (want mode 0400)".to_owned();
        Fault::new(Code::Secret, path.display().to_string(), message)
    };
    files.into_iter().map(warning).collect()
}

/// One API key on one venue is one account, and has one secret.
fn one_secret_a_key(config: &Config, all: &[Credentials], faults: &mut Vec<Fault>) {
    let mut accounts: BTreeMap<(&Venue, &str), usize> = BTreeMap::new();
    for (place, (instrument, own)) in config.instruments.iter().zip(all).enumerate() {
        let first = *accounts.entry((&instrument.venue, own.api_key.expose())).or_insert(place);
        let keys = [
            ("Secret", all[first].secret != own.secret),
            ("Passphrase", all[first].passphrase != own.passphrase),
        ];
        for (key, _) in keys.iter().filter(|(_, differs)| *differs) {
            let (symbol, other) = (&instrument.maker_symbol, &config.instruments[first].maker_symbol);
            let message = format!(
                "{symbol} has the API KEY of {other} ({}) on the same venue and another {key}; not shown",
                config.pointers[first]
            );
            faults.push(Fault::new(Code::Duplicate, format!("{}/{key}", config.pointers[place]), message));
        }
    }
}
