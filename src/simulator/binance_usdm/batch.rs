//! Several orders in one request: each is taken or refused for itself.

use serde_json::value::RawValue;

use super::orders;
use super::refusal;
use crate::simulator::binance::error::ApiError;
use crate::simulator::binance::params::Params;
use crate::simulator::binance::route::{Answer, Request, json};
use crate::simulator::engine::{ClientId, OrderId, Target};
use crate::simulator::faults;
use crate::simulator::publish::publish;
use crate::simulator::state::State;
use crate::simulator::symbols::Product;

/// Most orders of a batch that places or modifies.
const ITEMS_MAX: usize = 5;
/// Most orders of a batch that cancels.
const CANCELS_MAX: usize = 10;
/// What a batch counts in the two windows of the order limit.
const COUNTS: [u64; 2] = [5, 1];

/// What is done with one item.
type Act = fn(&mut State, &Request<'_>) -> Answer;

/// `POST batchOrders`.
pub(super) fn place(state: &mut State, request: &Request<'_>) -> Answer {
    counted(state, request, &["symbol", "side", "type"], orders::place_uncounted)
}

/// `PUT batchOrders`.
pub(super) fn modify(state: &mut State, request: &Request<'_>) -> Answer {
    counted(state, request, &["symbol", "side", "quantity", "price"], orders::modify_uncounted)
}

/// `DELETE batchOrders`: by numbers or by client ids.
pub(super) fn cancel(state: &mut State, request: &Request<'_>) -> Answer {
    let symbol = request.symbol(state)?;
    let targets = targets(request.params)?;
    if targets.is_empty() || targets.len() > CANCELS_MAX {
        return Err(refusal::cancel_batch_size());
    }
    let mut answers = Answers::new(targets.len());
    for at in order(state, request, targets.len()) {
        let found = targets[at].and_then(|target| state.engine().find(request.account(), symbol, target));
        let answer = match found {
            Some(order) => orders::cancel_found(state, &order, request.now_ms),
            None => Err(ApiError::unknown_order()),
        };
        publish(state, request.now_ms);
        answers.put(at, answer);
    }
    answers.finish()
}

/// The orders that are to be cancelled; none where an id cannot be one.
fn targets(params: &Params<'_>) -> Result<Vec<Option<Target>>, ApiError> {
    // One stock client writes the names in small letters, and the public venue takes them.
    if let Some(text) = params.get("orderIdList").or(params.get("orderidlist")) {
        let ids: Vec<u64> = serde_json::from_str(text).map_err(|_| ApiError::not_valid("orderIdList"))?;
        return Ok(ids.into_iter().map(|id| Some(Target::Id(OrderId(id)))).collect());
    }
    let clients = match params.list("origClientOrderIdList")? {
        None => params.list("origclientorderidlist")?,
        clients => clients,
    };
    let clients = clients.ok_or_else(|| ApiError::mandatory("orderIdList"))?;
    Ok(clients.iter().map(|text| ClientId::new(text).map(Target::Client)).collect())
}

fn counted(state: &mut State, request: &Request<'_>, required: &[&'static str], act: Act) -> Answer {
    let account = request.account();
    let text = request.params.required("batchOrders")?;
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| ApiError::not_valid("batchOrders"))?;
    if items.is_empty() || items.len() > ITEMS_MAX {
        return Err(refusal::batch_size());
    }
    state.orders_mut(account, Product::UsdM).check(request.now_ms)?;
    state.orders_mut(account, Product::UsdM).count(COUNTS, request.now_ms);
    let mut answers = Answers::new(items.len());
    for at in order(state, request, items.len()) {
        let answer = one(state, request, items[at], required, act);
        publish(state, request.now_ms);
        answers.put(at, answer);
    }
    answers.finish()
}

/// In which order the items are worked through: a fault's, or the venue's own.
fn order(state: &mut State, request: &Request<'_>, count: usize) -> Vec<usize> {
    let switches = state.faults.clone();
    let account = switches.account(request.account());
    let target = faults::Target { product: Some(Product::UsdM), account, ..faults::Target::default() };
    switches.batch_order(&target, count).unwrap_or_else(|| state.usdm.batch_order(count))
}

fn one(
    state: &mut State,
    request: &Request<'_>,
    item: &RawValue,
    required: &[&'static str],
    act: Act,
) -> Answer {
    let params = Params::of_json(item.get())?;
    for name in required {
        params.required(name)?;
    }
    act(state, &request.item(&params))
}

/// The items' answers, in the order of the request.
struct Answers(Vec<Vec<u8>>);

impl Answers {
    fn new(count: usize) -> Self {
        Self(vec![Vec::new(); count])
    }

    fn put(&mut self, at: usize, answer: Answer) {
        self.0[at] = answer.or_else(|error| json(&error)).expect("errors serialise");
    }

    fn finish(self) -> Answer {
        let mut out = vec![b'['];
        out.extend(self.0.join(&b','));
        out.push(b']');
        Ok(out)
    }
}
