//! What faults do to the venue when they begin and end, where nobody has to ask for it.

use std::sync::Arc;

use schemas::units::Decimal;

use super::kind::{Fault, How, Reach, Trading};
use super::notice::FaultNotice;
use super::plan::{Change, LineTag, Target};
use super::switch::{Connection, FaultParams, FaultSwitch};
use super::{Faults, Line, lock, messages};
use crate::simulator::binance::feed;
use crate::simulator::engine::Command;
use crate::simulator::ledger::notice::{Notice, NoticeKind};
use crate::simulator::outbox::Outbox;
use crate::simulator::profile::{NotionalForm, NotionalRule, SymbolRules, SymbolStatus};
use crate::simulator::publish::publish;
use crate::simulator::state::State;
use crate::simulator::symbols::{Product, SymbolSpec};

const MILLION: i64 = 1_000_000;

/// Carries out what the time line has come to, `mono_ms` after the start.
pub(in crate::simulator) fn advance(state: &mut State, mono_ms: u64, wall_ms: i64) {
    let changes = state.faults.advance(mono_ms);
    if state.symbols.iter().any(|symbol| symbol.told_rules.is_some()) {
        // The moment at which they are told comes without a change.
        change_rules(state);
    }
    carry_out(state, changes, wall_ms);
}

/// Turns switches that have been checked.
pub(in crate::simulator) fn turn(state: &mut State, switches: &[FaultSwitch], wall_ms: i64) {
    let changes = {
        let mut plan = state.faults.plan();
        switches.iter().for_each(|switch| plan.turn(switch.clone()));
        let now_ms = plan.now_ms();
        let changes = plan.advance(now_ms);
        state.faults.note(&plan);
        changes
    };
    carry_out(state, changes, wall_ms);
}

/// Switches everything off.
pub(in crate::simulator) fn clear(state: &mut State, wall_ms: i64) {
    let changes = {
        let mut plan = state.faults.plan();
        let changes = plan.clear();
        state.faults.note(&plan);
        changes
    };
    carry_out(state, changes, wall_ms);
}

fn carry_out(state: &mut State, changes: Vec<Change>, wall_ms: i64) {
    if changes.is_empty() {
        return;
    }
    for change in &changes {
        if let Change::Began(switch) = change
            && switch.fault.reach() == Reach::Once
        {
            once(state, switch, wall_ms);
        }
        if let Change::Ended(FaultSwitch { fault: Fault::ReorderMessages, .. }) = change {
            messages::release(&mut lock(&state.faults.0.stash), |_| true);
        }
    }
    change_rules(state);
    let now_ms = state.faults.venue_ms(wall_ms);
    feed::freeze(state, now_ms);
    let faults = state.faults.clone();
    for line in faults.lines() {
        faults.settle(&line, &target(&faults, state, &line));
    }
    state.at(now_ms);
    let notices = faults.plan().take_notices();
    notices.into_iter().for_each(|notice| announce(state, notice));
}

/// Enters a fault's beginning or end into the event log.
fn announce(state: &mut State, notice: FaultNotice) {
    let switch = &notice.switch;
    let product = switch.product.into_iter().chain(Product::ALL);
    let symbol = switch.symbol.as_deref();
    let symbol = symbol.and_then(|name| product.into_iter().find_map(|of| state.symbol_named(of, name)));
    let account = switch.account.as_deref().and_then(|key| state.account_of_key(key));
    let mut entry = Notice::new(NoticeKind::Fault, notice.text()).on(symbol).of(account);
    if let Some(Connection::Number(number)) = switch.connection {
        entry = entry.at(number);
    }
    state.announce(entry);
}

/// Gives every symbol the rules that are its own, or those that faults make of them.
fn change_rules(state: &mut State) {
    for at in 0..state.symbols.len() {
        let (id, spec) = (state.symbols[at].id, &state.symbols[at].spec);
        let own = state.profile.rules(spec);
        let halted = state.faults.halted(id).map(|trading| match trading {
            Trading::Halt => SymbolStatus::Halt,
            Trading::Break => SymbolStatus::Break,
        });
        let status = halted.unwrap_or(own.status);
        let of = |told| {
            let mut rules = SymbolRules { status, ..own.clone() };
            if let Some(params) = state.faults.filters(id, told) {
                change_filters(&mut rules, &params, spec);
            }
            rules
        };
        let (told, rules) = (of(true), of(false));
        let symbol = &mut state.symbols[at];
        symbol.told_rules = (told != rules).then_some(told);
        symbol.rules = rules;
    }
}

fn change_filters(rules: &mut SymbolRules, params: &FaultParams, spec: &SymbolSpec) {
    let steps = |size: &Option<String>, decimals| exact_steps(size.as_deref()?, decimals);
    if let Some(tick) = steps(&params.tick_size, spec.price_decimals) {
        rules.price.step = tick;
        rules.price.min = rules.price.min.max(tick);
    }
    if let Some(lot) = steps(&params.step_size, spec.qty_decimals) {
        rules.lot.step = lot;
        rules.lot.min = rules.lot.min.max(lot);
    }
    let least = params.min_notional.as_deref().and_then(|text| Decimal::parse(text).ok());
    if let Some(least) = least {
        let form = match spec.product {
            Product::Spot => NotionalForm::MinMax,
            Product::UsdM => NotionalForm::Min,
        };
        let new = || NotionalRule {
            form,
            min: least,
            min_to_market: true,
            max: None,
            max_to_market: false,
            avg_price_mins: 0,
        };
        rules.notional.get_or_insert_with(new).min = least;
    }
}

/// A size in whole units of so many decimals.
pub(super) fn exact_steps(size: &str, decimals: u8) -> Option<i64> {
    i64::try_from(Decimal::parse(size).ok()?.to_steps_exact(decimals)?).ok()
}

fn once(state: &mut State, switch: &FaultSwitch, wall_ms: i64) {
    match switch.fault {
        Fault::Disconnect => {
            for line in meant(state, switch) {
                disconnect(&line, switch.params.how.unwrap_or(How::Close), wall_ms);
            }
        }
        Fault::OversizedFrame => {
            let bytes = switch.params.bytes.unwrap_or(10 << 20);
            for outbox in meant(state, switch).iter().filter_map(Line::outbox) {
                outbox.push(oversized(bytes));
            }
        }
        Fault::Logout => meant(state, switch).iter().for_each(Line::log_out),
        Fault::EndUserStream => end_user_streams(state, switch, wall_ms),
        Fault::ResetVenue => {
            let now_ms = state.faults.venue_ms(wall_ms);
            state.at(now_ms);
            state.wipe();
            publish(state, now_ms);
        }
        Fault::ExpireListenKey => {
            let account = switch.account.as_deref().and_then(|key| state.account_of_key(key));
            let now_ms = state.faults.venue_ms(wall_ms);
            state.usdm.listen_keys.expire_now(account, now_ms);
        }
        Fault::JumpMark => jump_marks(state, switch, wall_ms),
        Fault::LoseRequests
        | Fault::HoldRequests
        | Fault::Reject
        | Fault::DelayAnswers
        | Fault::LoseAnswers
        | Fault::DuplicateAnswers
        | Fault::WrongAnswers
        | Fault::RefuseCancels
        | Fault::ShuffleBatch
        | Fault::MuteStream
        | Fault::DropMessages
        | Fault::DuplicateMessages
        | Fault::ReorderMessages
        | Fault::DelayMessages
        | Fault::WrongIds
        | Fault::SpoilBook
        | Fault::StopBook
        | Fault::OldSnapshot
        | Fault::HalfOpen
        | Fault::SlowFrames
        | Fault::FragmentFrames
        | Fault::MutePings
        | Fault::RefuseConnections
        | Fault::SkewClock
        | Fault::ChangeFilters
        | Fault::Halt
        | Fault::Freeze => {}
    }
}

/// The connections that a switch is about.
fn meant(state: &State, switch: &FaultSwitch) -> Vec<Line> {
    let faults = &state.faults;
    let mut lines = faults.lines();
    lines.retain(|line| super::plan::strikes(switch, &target(faults, state, line)));
    lines
}

/// A line as a target, with what only the hub knows: whose events come over it.
fn target<'a>(faults: &'a Faults, state: &State, line: &Line) -> Target<'a> {
    let target = faults.line_target(line);
    let outbox = line.outbox();
    let Some(outbox) = outbox else { return target };
    let users = state.hub.users().iter().map(|user| (user.account, &user.outbox));
    let mut all = users.chain(state.usdm.listen_keys.listeners());
    let Some((account, _)) = all.find(|(_, own)| own.id == outbox.id) else { return target };
    Target {
        account: target.account.or_else(|| faults.account(account)),
        line: target.line.map(|tag| LineTag { user: true, ..tag }),
        ..target
    }
}

fn jump_marks(state: &mut State, switch: &FaultSwitch, wall_ms: i64) {
    let jump = i128::from(MILLION + switch.params.jump_ppm.unwrap_or(MILLION / 10));
    let named = |name: &str| switch.symbol.as_ref().is_none_or(|wanted| wanted == name);
    let meant = state.symbols_of(Product::UsdM).filter(|symbol| named(&symbol.spec.name));
    let ids: Vec<_> = meant.map(|symbol| symbol.id).collect();
    let now_ms = state.faults.venue_ms(wall_ms);
    state.at(now_ms);
    for symbol in ids {
        let Some(mark) = state.engine().mark(symbol) else { continue };
        let price = (i128::from(mark) * jump / i128::from(MILLION)).max(1);
        let command = Command::Mark { symbol, price: i64::try_from(price).unwrap_or(i64::MAX) };
        if let Err(reject) = state.apply(&command) {
            tracing::error!(%reject, "a mark price does not jump");
        }
        publish(state, now_ms);
    }
}

fn disconnect(line: &Line, how: How, wall_ms: i64) {
    match (how, line.outbox()) {
        (How::Shutdown, Some(outbox)) => {
            outbox.push(format!("{{\"event\":{{\"e\":\"serverShutdown\",\"E\":{wall_ms}}}}}").into());
            outbox.finish();
        }
        (How::Reset, _) | (_, None) => line.cut(),
        (
            How::Close
            | How::Unavailable
            | How::Hang
            | How::Crossed
            | How::Locked
            | How::Empty
            | How::Negative,
            Some(outbox),
        ) => outbox.finish(),
    }
}

/// A message of so many bytes that says nothing.
fn oversized(bytes: u64) -> axum::extract::ws::Utf8Bytes {
    let (head, tail) = ("{\"e\":\"oversized\",\"fill\":\"", "\"}");
    let fill = usize::try_from(bytes).unwrap_or(0).saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", "x".repeat(fill)).into()
}

fn end_user_streams(state: &mut State, switch: &FaultSwitch, wall_ms: i64) {
    let ended: Vec<(u64, Arc<Outbox>)> = meant(state, switch)
        .iter()
        .filter_map(Line::outbox)
        .flat_map(|outbox| {
            let own = state.hub.users().iter().filter(move |user| user.outbox.id == outbox.id);
            own.map(|user| (user.id, Arc::clone(&user.outbox))).collect::<Vec<_>>()
        })
        .collect();
    for (id, outbox) in &ended {
        let event = format!("{{\"e\":\"eventStreamTerminated\",\"E\":{wall_ms}}}");
        outbox.push(format!("{{\"subscriptionId\":{id},\"event\":{event}}}").into());
    }
    state
        .hub
        .users_mut()
        .retain(|user| !ended.iter().any(|(id, outbox)| user.id == *id && user.outbox.id == outbox.id));
}
