//! One question a second about the tops of all symbols, over a connection of its own: what confirms a book
//! whose market is quiet.

use std::time::Duration;

use pipeline::gateway::Errand;
use pipeline::ownership::Claim;
use schemas::config::Dialect;
use schemas::wire::binance::answer::{self, Incoming};
use schemas::wire::market::TopAnswer;
use schemas::wire::{binance_spot, binance_usdm};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::is_wanted;
use crate::failpoint::break_in;
use crate::venue::backoff::Backoff;
use crate::venue::binance::classify_of;
use crate::venue::binance::socket::{self, Frame, SocketError, WsReader, WsWriter};
use crate::venue::guard::{Endpoint, Target};

/// Between two questions.
const PERIOD: Duration = Duration::from_secs(1);
/// An answer that takes longer never comes; the connection is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that answered so often was a good one; the next failure is a first one.
const PROVEN_AFTER: u64 = 30;

/// The tops that one answer told, by symbol.
pub(super) type Tops = Vec<(String, TopAnswer)>;

/// A symbol, and what is claimed of it: only those that are wanted are asked about.
pub(super) type Asked = (String, Option<watch::Receiver<Claim>>);

/// Asks for ever; ends when the receiver is gone.
pub(super) async fn ask_forever(target: Target, symbols: Vec<Asked>, answers: mpsc::Sender<Tops>, seed: u64) {
    let mut backoff = Backoff::of_connection(seed);
    let mut turns = target.egress().turns();
    while !answers.is_closed() {
        turns.next().await;
        if let Err(error) = ask_on_one_connection(&target, &symbols, &answers, &mut backoff).await {
            tracing::warn!("{}", error.book_fault().line("ticker.book"));
        }
        tokio::time::sleep(backoff.after_failure()).await;
    }
}

async fn ask_on_one_connection(
    target: &Target,
    symbols: &[Asked],
    answers: &mpsc::Sender<Tops>,
    backoff: &mut Backoff,
) -> Result<(), SocketError> {
    let (mut reader, mut writer) = socket::open(target, Endpoint::WsApi).await?;
    let mut frame = String::new();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for id in 1.. {
        idle(&mut reader, ticks.tick()).await?;
        break_in("prices");
        if !question(target.dialect(), id, symbols, &mut frame) || target.egress().admit(Errand::Ask).is_err()
        {
            continue;
        }
        let tops = timeout(ANSWER_TIMEOUT, ask(&mut reader, &mut writer, (&frame, id), target))
            .await
            .map_err(|_| SocketError::TimedOut(ANSWER_TIMEOUT))??;
        let tops = of_ours(tops, symbols);
        if id >= PROVEN_AFTER {
            backoff.reset();
        }
        match answers.try_send(tops) {
            // A reader that is behind will judge by the next answer.
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => break,
        }
    }
    Ok(())
}

/// Writes the question about what is wanted; `false` if nothing is.
fn question(dialect: Dialect, id: u64, symbols: &[Asked], frame: &mut String) -> bool {
    let wanted = || symbols.iter().filter(|(_, claim)| is_wanted(claim.as_ref()));
    let any = wanted().next().is_some();
    if any {
        let names = wanted().map(|(symbol, _)| symbol.as_str());
        match dialect {
            Dialect::BinanceSpot | Dialect::Okx => binance_spot::encode::ticker_book(id, names, frame),
            Dialect::BinanceUsdm => binance_usdm::request::ticker_book(id, names, frame),
        }
    }
    any
}

/// USD-M tells of every symbol there is.
fn of_ours(mut tops: Tops, symbols: &[Asked]) -> Tops {
    if tops.len() > symbols.len() {
        tops.retain(|(symbol, _)| symbols.iter().any(|(ours, _)| ours == symbol));
    }
    tops
}

/// Reads (and so answers pings) until it is time for the next question.
async fn idle(reader: &mut WsReader, until: impl Future) -> Result<(), SocketError> {
    tokio::pin!(until);
    loop {
        tokio::select! {
            biased;
            _ = &mut until => return Ok(()),
            frame = reader.next() => { frame?; }
        }
    }
}

async fn ask(
    reader: &mut WsReader,
    writer: &mut WsWriter,
    (frame, id): (&str, u64),
    target: &Target,
) -> Result<Tops, SocketError> {
    writer.send(frame).await?;
    loop {
        let Frame::Text(text) = reader.next().await? else { continue };
        let Ok(Incoming::Answer(answer)) = answer::read(&text) else { continue };
        if answer.id != Some(id) {
            continue;
        }
        if let Some(error) = answer.error(classify_of(target.dialect()), "") {
            target.egress().handle_refused(&error, None);
            return Err(SocketError::Broken(error.to_string().into()));
        }
        target.egress().handle_served();
        let tops = answer.tops().map_err(|fault| SocketError::Unreadable(fault.to_string().into()))?;
        return Ok(tops.into_iter().map(|(symbol, top)| (symbol.into_owned(), top)).collect());
    }
}
