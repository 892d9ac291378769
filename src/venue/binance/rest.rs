//! A venue's REST interface: no redirects, bounded bodies, one deadline over everything.
//!
//! It carries questions and settings that may be said twice; orders never leave by it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_ENCODING, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use pipeline::gateway::{BANNED_DEFAULT, Errand, LIMITED_DEFAULT, WAIT_MAX};
use schemas::wire::binance::api_error::{ApiError, Classify, ErrorClass};
use schemas::wire::binance::encode::{self, Account, Value};
use schemas::wire::binance::rest::{read_depth, read_time};
use schemas::wire::book_fault::BookFault;
use schemas::wire::cut::Cut;
use schemas::wire::market::Snapshot;
use schemas::wire::order_fault::OrderFault;
use tokio::time::timeout;

use super::classify_of;
use crate::venue::egress::Held;
use crate::venue::guard::{self, Endpoint, Target};

/// How long connecting, asking and reading may take together.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most bytes of an ordinary answer.
pub(crate) const BODY_MAX: usize = 1 << 20;
/// Most bytes of exchangeInfo, which lists every symbol of a venue.
pub(crate) const EXCHANGE_INFO_MAX: usize = 16 << 20;
/// Where a venue that keeps a ledger serves it.
const LEDGER: &str = "/venue";
/// What paths begin with that do not lie below the endpoint's own.
const WHOLE: [&str; 2] = [LEDGER, "/fapi/"];
/// Most bytes of a page of the ledger.
const LEDGER_MAX: usize = 64 << 20;
/// Connections that are kept for the next request.
const IDLE_MAX: usize = 2;
/// How long to stay away when the header says nothing that can be read.
const RETRY_AFTER_DEFAULT_S: u64 = LIMITED_DEFAULT.as_secs();

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Nothing that can be read came back.
    #[error("{} {}", .0.code(), .0)]
    Fault(OrderFault),
    /// A snapshot came that is none.
    #[error("{} {}", .0.code(), .0)]
    Depth(BookFault),
    /// The venue refused.
    #[error("{error}")]
    Api {
        /// Its reason.
        error: ApiError,
        /// How long it wants to be left alone, where it refused because of a limit.
        retry_after: Option<Duration>,
    },
    /// Nothing was asked.
    #[error(transparent)]
    Held(#[from] Held),
}

impl RestError {
    /// Nothing came back within a time of the caller's own.
    pub(crate) fn too_late() -> Self {
        transport("no answer in time")
    }

    /// How long the venue is to be left alone, where it says so.
    #[must_use]
    pub fn wanted_silence(&self) -> Duration {
        match self {
            Self::Api { retry_after, .. } => retry_after.unwrap_or_default(),
            Self::Held(held) => held.wait,
            Self::Fault(_) | Self::Depth(_) => Duration::ZERO,
        }
    }

    /// Whether the venue refused what was asked, and would again: no waiting and no other key mends it.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        let Self::Api { error, .. } = self else { return false };
        match error.class() {
            ErrorClass::NoSuchSymbol
            | ErrorClass::Filter
            | ErrorClass::WouldMatch
            | ErrorClass::Balance
            | ErrorClass::Duplicate
            | ErrorClass::OlderEpoch
            | ErrorClass::CancelRefused
            | ErrorClass::NoSuchOrder
            | ErrorClass::Refused => true,
            ErrorClass::OutcomeUnknown
            | ErrorClass::RateLimited
            | ErrorClass::OrderLimit
            | ErrorClass::Overloaded
            | ErrorClass::Clock
            | ErrorClass::Auth
            | ErrorClass::MarketClosed => false,
        }
    }
}

/// Asks one venue; keeps up to two connections.
#[derive(Debug)]
pub struct RestClient {
    target: Target,
    /// Whoever asks by it has asked the way out already.
    admitted: bool,
    idle: Mutex<Vec<SendRequest<Empty<Bytes>>>>,
}

impl RestClient {
    /// A client without connections.
    #[must_use]
    pub const fn new(target: Target) -> Self {
        Self { target, admitted: false, idle: Mutex::new(Vec::new()) }
    }

    /// A client for what a gateway's machine has let leave.
    #[must_use]
    pub(crate) const fn admitted(target: Target) -> Self {
        Self { target, admitted: true, idle: Mutex::new(Vec::new()) }
    }

    /// The venue's clock, milliseconds since the epoch.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn time(&self) -> Result<i64, RestError> {
        read_time(&self.get("/time", BODY_MAX).await?).map_err(RestError::Fault)
    }

    /// A snapshot of a symbol's book, `limit` levels a side.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn depth(&self, symbol: &str, limit: u16) -> Result<Snapshot, RestError> {
        let path = format!("/depth?symbol={}&limit={limit}", percent_encode(symbol));
        read_depth(&self.get(&path, BODY_MAX).await?).map_err(RestError::Depth)
    }

    /// A page of the ledger of a venue that keeps one (`/venue/totals` and so on), as JSON.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn ledger(&self, page: &str) -> Result<serde_json::Value, RestError> {
        let body = self.get(&format!("{LEDGER}/{page}"), LEDGER_MAX).await?;
        serde_json::from_str(&body).map_err(|_| RestError::Fault(OrderFault::Unreadable { status: 200 }))
    }

    /// Tells a private venue the reference market's price of a symbol, for its crowd.
    ///
    /// # Errors
    /// [`RestError`].
    pub async fn tell_price(&self, product: &str, symbol: &str, price: &str) -> Result<(), RestError> {
        let symbol = percent_encode(symbol);
        let path = format!("{LEDGER}/price?product={product}&symbol={symbol}&price={price}");
        self.ask(Method::POST, &path, None, BODY_MAX).await.map(drop)
    }

    /// Gets `path`, which lies below the dialect's own or names it whole.
    ///
    /// # Errors
    /// [`RestError`].
    pub(crate) async fn get(&self, path: &str, body_max: usize) -> Result<String, RestError> {
        self.ask(Method::GET, path, None, body_max).await
    }

    /// Asks with these parameters, signed.
    ///
    /// # Errors
    /// [`RestError`].
    pub(crate) async fn signed(
        &self,
        method: Method,
        path: &str,
        params: &[(&'static str, Value<'_>)],
        account: Account<'_>,
    ) -> Result<String, RestError> {
        let mut whole = format!("{path}?");
        let start = whole.len();
        encode::signed_query(params, start, account, &mut whole);
        self.ask(method, &whole, Some(account.api_key), BODY_MAX).await
    }

    /// Asks with the key in the header, and whatever `path` holds.
    ///
    /// # Errors
    /// [`RestError`].
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        api_key: Option<&str>,
        body_max: usize,
    ) -> Result<String, RestError> {
        timeout(DEADLINE, self.ask_unbounded(&method, path, api_key, body_max))
            .await
            .unwrap_or_else(|_| Err(transport("no answer in time")))
    }

    async fn ask_unbounded(
        &self,
        method: &Method,
        path: &str,
        api_key: Option<&str>,
        body_max: usize,
    ) -> Result<String, RestError> {
        if !self.admitted {
            self.target.egress().admit(Errand::Ask)?;
        }
        let request = || self.request(method, path, api_key);
        let (response, sender) = match self.take_idle() {
            Some(mut kept) => match kept.send_request(request()?).await {
                Ok(response) => (response, kept),
                // The venue had closed it meanwhile; a question may be asked twice.
                Err(_) => self.ask_anew(request()?).await?,
            },
            None => self.ask_anew(request()?).await?,
        };
        let classify = classify_of(self.target.dialect());
        let body = read_response(response, body_max, classify, api_key.unwrap_or_default()).await;
        match &body {
            Err(RestError::Api { error, retry_after }) => {
                self.target.egress().handle_refused(error, *retry_after);
            }
            Ok(_) => self.target.egress().handle_served(),
            Err(RestError::Fault(_) | RestError::Depth(_) | RestError::Held(_)) => {}
        }
        if body.is_ok() {
            self.keep(sender);
        }
        body
    }

    async fn ask_anew(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, SendRequest<Empty<Bytes>>), RestError> {
        let stream = guard::connect(&self.target, Endpoint::Rest).await.map_err(transport)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(transport)?;
        // Ends when the sender is dropped or the venue closes; its errors reach the sender.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(transport)?;
        Ok((response, sender))
    }

    fn request(
        &self,
        method: &Method,
        path: &str,
        api_key: Option<&str>,
    ) -> Result<Request<Empty<Bytes>>, RestError> {
        let is_whole = WHOLE.iter().any(|root| path.starts_with(root));
        let below = if is_whole { "" } else { self.target.path(Endpoint::Rest) };
        let uri = format!("{below}{path}");
        let mut request = Request::builder().method(method).uri(uri);
        request = request.header(HOST, self.target.host(Endpoint::Rest));
        if let Some(key) = api_key {
            request = request.header("X-MBX-APIKEY", key);
        }
        request.body(Empty::new()).map_err(|_| transport("the request cannot be written"))
    }

    fn take_idle(&self) -> Option<SendRequest<Empty<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    fn keep(&self, sender: SendRequest<Empty<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }
}

async fn read_response(
    response: Response<Incoming>,
    body_max: usize,
    classify: Classify,
    secret: &str,
) -> Result<String, RestError> {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    if head.status.is_redirection() {
        return Err(RestError::Fault(OrderFault::Redirect { status }));
    }
    // Nothing compressed was asked for, and what is not inflated cannot burst.
    if head.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(unreadable(status));
    }
    let bytes = Limited::new(body, body_max).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() { unreadable(status) } else { transport(error) }
    })?;
    let text = String::from_utf8(bytes.to_bytes().into()).map_err(|_| unreadable(status))?;
    match status {
        200 if text.starts_with(['{', '[']) => Ok(text),
        400.. => Err(refused(ApiError::read(classify, status, &text, secret), &head.headers)),
        _ => Err(unreadable(status)),
    }
}

/// A refusal in the venue's form; without that only what the status alone says counts.
fn refused(error: ApiError, headers: &HeaderMap) -> RestError {
    match error.class() {
        ErrorClass::RateLimited | ErrorClass::OrderLimit => {
            RestError::Api { retry_after: Some(silence(&error, headers)), error }
        }
        ErrorClass::OutcomeUnknown if error.code == 0 => unreadable(error.status),
        ErrorClass::OutcomeUnknown
        | ErrorClass::Overloaded
        | ErrorClass::Filter
        | ErrorClass::Clock
        | ErrorClass::Auth
        | ErrorClass::WouldMatch
        | ErrorClass::Balance
        | ErrorClass::Duplicate
        | ErrorClass::OlderEpoch
        | ErrorClass::MarketClosed
        | ErrorClass::CancelRefused
        | ErrorClass::NoSuchOrder
        | ErrorClass::NoSuchSymbol
        | ErrorClass::Refused => RestError::Api { error, retry_after: None },
    }
}

/// How long to stay away; without a header as long as the breaker would.
fn silence(error: &ApiError, headers: &HeaderMap) -> Duration {
    let default = if error.status == 418 { BANNED_DEFAULT } else { LIMITED_DEFAULT };
    headers.get(RETRY_AFTER).map_or(default, retry_after)
}

/// What a Retry-After header says: seconds, at most three days; a minute where it says something else.
pub(super) fn retry_after(header: &HeaderValue) -> Duration {
    let text = header.to_str().unwrap_or("?");
    let seconds = text.parse::<u64>().unwrap_or_else(|_| {
        let fault = OrderFault::Header {
            name: "Retry-After",
            got: Cut(text).to_string().into(),
            used_s: RETRY_AFTER_DEFAULT_S,
        };
        tracing::warn!("{}", fault.line("rest"));
        RETRY_AFTER_DEFAULT_S
    });
    Duration::from_secs(seconds).min(WAIT_MAX)
}

fn transport(kind: impl ToString) -> RestError {
    RestError::Fault(OrderFault::Transport { kind: Cut(&kind.to_string()).to_string().into() })
}

const fn unreadable(status: u16) -> RestError {
    RestError::Fault(OrderFault::Unreadable { status })
}

pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
