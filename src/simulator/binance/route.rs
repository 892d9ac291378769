//! What can be asked, over whichever door: one table, one order of checks.

use super::Dialect;
use super::auth::{Credentials, again_in_time, authenticate, identify};
use super::error::ApiError;
use super::params::Params;
use crate::simulator::engine::{AccountId, SymbolId};
use crate::simulator::faults::{Delivery, Intake, Line, Target};
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Who may ask, and what has to come along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Security {
    /// Anybody.
    Open,
    /// Who names a key; nothing is signed.
    Key,
    /// Who signs.
    Signed,
}

/// What a request costs.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) enum Weight {
    /// Always the same.
    Of(u64),
    /// By its parameters.
    By(fn(&Params<'_>) -> u64),
}

impl Weight {
    fn of(self, params: &Params<'_>) -> u64 {
        match self {
            Self::Of(weight) => weight,
            Self::By(weigh) => weigh(params),
        }
    }
}

/// How an operation is asked for, what it costs and what it wants.
#[derive(Debug)]
pub(in crate::simulator) struct Route<O> {
    pub(in crate::simulator) operation: O,
    /// The WS API's method; empty if it has none.
    pub(in crate::simulator) method: &'static str,
    /// The REST verb and path below the dialect's prefix; empty if it has none.
    pub(in crate::simulator) rest: (&'static str, &'static str),
    pub(in crate::simulator) weight: Weight,
    pub(in crate::simulator) security: Security,
    pub(in crate::simulator) required: &'static [&'static str],
    /// What it takes beside; nothing is surplus where that is not told.
    pub(in crate::simulator) optional: Option<&'static [&'static str]>,
}

impl<O: Copy> Route<O> {
    /// The same route, with all that it takes beside what it wants.
    pub(in crate::simulator) const fn taking(self, optional: &'static [&'static str]) -> Self {
        Self { optional: Some(optional), ..self }
    }
}

/// What every request may bring along.
const COMMON: [&str; 5] = ["apiKey", "timestamp", "recvWindow", "signature", "returnRateLimits"];

/// A route that anybody may take.
pub(in crate::simulator) const fn open<O>(
    operation: O,
    method: &'static str,
    path: &'static str,
    weight: Weight,
    required: &'static [&'static str],
) -> Route<O> {
    Route {
        operation,
        method,
        rest: ("GET", path),
        weight,
        security: Security::Open,
        required,
        optional: None,
    }
}

/// A route for those who sign.
pub(in crate::simulator) const fn signed<O>(
    operation: O,
    method: &'static str,
    rest: (&'static str, &'static str),
    weight: Weight,
    required: &'static [&'static str],
) -> Route<O> {
    Route { operation, method, rest, weight, security: Security::Signed, required, optional: None }
}

/// Longest of the bodies that come by the thousand: orders, reports, best quotes.
const BODY_LEN: usize = 1_024;

/// What most requests need.
pub(in crate::simulator) const SYMBOL: &[&str] = &["symbol"];

/// By the WS API's method, with or without `v3/`.
pub(in crate::simulator) fn of_method<D: Dialect>(method: &str) -> Option<&'static Route<D::Operation>> {
    let method = method.strip_prefix("v3/").unwrap_or(method);
    D::routes().iter().find(|route| route.method == method && !method.is_empty())
}

/// By REST verb and path.
pub(in crate::simulator) fn of_rest<D: Dialect>(
    verb: &str,
    path: &str,
) -> Option<&'static Route<D::Operation>> {
    let path = path.strip_prefix(D::REST_PREFIX)?;
    D::routes().iter().find(|route| route.rest == (verb, path))
}

/// A request that has passed the checks.
#[derive(Debug)]
pub(in crate::simulator) struct Request<'a> {
    pub(in crate::simulator) params: &'a Params<'a>,
    product: Product,
    account: Option<AccountId>,
    pub(in crate::simulator) now_ms: i64,
}

impl Request<'_> {
    /// Whose request it is. Only for operations that the table does not call open.
    pub(in crate::simulator) fn account(&self) -> AccountId {
        self.account.expect("signed requests have an account")
    }

    /// One item of a batch: the same request with parameters of its own.
    pub(in crate::simulator) fn item<'b>(&self, params: &'b Params<'b>) -> Request<'b> {
        Request { params, product: self.product, account: self.account, now_ms: self.now_ms }
    }

    /// The symbol it names, or -1121.
    pub(in crate::simulator) fn symbol(&self, state: &State) -> Result<SymbolId, ApiError> {
        state.symbol_named(self.product, self.params.required("symbol")?).ok_or(ApiError::bad_symbol())
    }
}

/// What a request is answered: a JSON body, or a refusal.
pub(in crate::simulator) type Answer = Result<Vec<u8>, ApiError>;

/// A JSON body.
pub(in crate::simulator) fn json(body: &impl serde::Serialize) -> Answer {
    Ok(json_bytes(body))
}

/// A body as text.
pub(in crate::simulator) fn json_text(body: &impl serde::Serialize) -> String {
    String::from_utf8(json_bytes(body)).expect("JSON is text")
}

/// With room for nearly every body, so that it need not grow.
fn json_bytes(body: &impl serde::Serialize) -> Vec<u8> {
    let mut out = Vec::with_capacity(BODY_LEN);
    serde_json::to_writer(&mut out, body).expect("views serialise");
    out
}

/// An answer, whose it is, and whether a fault keeps it back.
#[derive(Debug)]
pub(in crate::simulator) struct Served {
    pub(in crate::simulator) answer: Answer,
    pub(in crate::simulator) account: Option<AccountId>,
    pub(in crate::simulator) delivery: Delivery,
}

/// Which way a request came.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct Way<'a> {
    /// Its connection.
    pub(in crate::simulator) line: Option<&'a Line>,
    /// It has passed the checks before, and reaches the engine only now.
    pub(in crate::simulator) late: bool,
}

/// Checks a request and carries it out. What it brought about waits in the state to be told: the caller
/// queues the answer first and then calls [`publish`](crate::simulator::publish::publish).
pub(in crate::simulator) fn serve<D: Dialect>(
    state: &mut State,
    route: &Route<D::Operation>,
    params: &Params<'_>,
    credentials: &Credentials<'_>,
    way: Way<'_>,
    now_ms: i64,
) -> Served {
    state.at(now_ms);
    let mut request = Request { params, product: D::PRODUCT, account: None, now_ms };
    if state.faults.is_on() || way.late {
        return serve_troubled::<D>(state, route, credentials, way, request);
    }
    let answer = check::<D>(state, route, credentials, &mut request)
        .and_then(|()| D::perform(state, route.operation, &request));
    if let (Some(line), Some(account)) = (way.line, request.account) {
        line.set_account(account);
    }
    Served { answer, account: request.account, delivery: Delivery::Now }
}

/// As [`serve`], while faults are on.
fn serve_troubled<D: Dialect>(
    state: &mut State,
    route: &Route<D::Operation>,
    credentials: &Credentials<'_>,
    way: Way<'_>,
    mut request: Request<'_>,
) -> Served {
    let faults = state.faults.clone();
    let key = credentials.key.as_deref().and_then(|key| state.account_of_key(key));
    let account = key.or(credentials.session);
    if let (Some(line), Some(account)) = (way.line, account) {
        faults.belongs(line, account);
    }
    let (verb, path) = route.rest;
    let rest = if verb.is_empty() { String::new() } else { format!("{verb} {}{path}", D::REST_PREFIX) };
    let target = Target {
        product: Some(D::PRODUCT),
        symbol: request.params.get("symbol"),
        account: account.and_then(|account| faults.account(account)),
        line: way.line.and_then(Line::tag),
        names: [route.method, &rest],
        unsigned: route.security == Security::Open,
        stream: None,
    };
    let unserved = |delivery| Served { answer: Ok(Vec::new()), account, delivery };
    let held_ms = match if way.late { Intake::Pass } else { faults.intake(&target) } {
        Intake::Lost => return unserved(Delivery::lost_request()),
        Intake::Refused(reply) => return unserved(Delivery::refused(*reply)),
        Intake::Held(ms) => Some(ms),
        Intake::Pass => None,
    };
    let checked = if way.late {
        request.account = account;
        check_again::<D>(state, route, &request)
    } else {
        check::<D>(state, route, credentials, &mut request)
    };
    let checked = match (checked, held_ms.map(|ms| faults.hold(ms))) {
        (Ok(()), Some(Some(held))) => return unserved(Delivery::Held(held)),
        (Ok(()), Some(None)) => Err(ApiError::overloaded()),
        (checked, Some(_) | None) => checked,
    };
    if D::is_place(route.operation)
        && let Ok(symbol) = request.symbol(state)
    {
        faults.order_came(symbol);
    }
    let answer = checked.and_then(|()| D::perform(state, route.operation, &request));
    let delivery = faults.delivery(&target);
    let answer = match &delivery {
        Delivery::Troubled(detour) => answer.map(|body| detour.body(body)),
        Delivery::Now | Delivery::Held(_) => answer,
    };
    Served { answer, account: request.account, delivery }
}

/// What is checked once more before the engine: time. One that comes too late there has cost an order.
fn check_again<D: Dialect>(
    state: &mut State,
    route: &Route<D::Operation>,
    request: &Request<'_>,
) -> Result<(), ApiError> {
    let Some(account) = request.account.filter(|_| route.security == Security::Signed) else { return Ok(()) };
    let in_time = again_in_time(request.params, request.now_ms);
    if in_time.is_err() && D::is_place(route.operation) {
        state.orders_mut(account, D::PRODUCT).accepted(request.now_ms);
    }
    in_time
}

fn check<D: Dialect>(
    state: &mut State,
    route: &Route<D::Operation>,
    credentials: &Credentials<'_>,
    request: &mut Request<'_>,
) -> Result<(), ApiError> {
    let weight = route.weight.of(request.params);
    state.addresses.spend(D::PRODUCT, credentials.address, weight, request.now_ms)?;
    for name in route.required {
        request.params.required(name)?;
    }
    request.params.check(known(state, route).as_deref())?;
    request.account = match route.security {
        Security::Open => None,
        Security::Key => Some(identify(state, credentials)?),
        Security::Signed => Some(authenticate(state, request.params, credentials, request.now_ms)?),
    };
    Ok(())
}

/// All names that a route takes, where surplus ones are refused.
fn known<O>(state: &State, route: &Route<O>) -> Option<Vec<&'static str>> {
    let optional = route.optional.filter(|_| state.strict_parameters)?;
    Some([&COMMON[..], route.required, optional].concat())
}
