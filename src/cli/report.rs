//! `self-trader report`: does each trade of a venue join exactly one label?

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use schemas::config::{Dialect, StagingAddress, Venue};

use super::kafka_options::KafkaOptions;
use super::outcome::complain;
use crate::labels::join::{Join, Joined};
use crate::labels::read::{LabelPlace, ReadError, Wanted};
use crate::labels::trades::each_since;
use crate::secret::Secret;
use crate::venue::binance::rest::RestClient;
use crate::venue::guard::Target;

/// What `--help` says after the options.
const AFTER_HELP: &str = "\
Prints one JSON object: trades with a leg of ours, joined (to exactly one label), unlabelled, several_labels, \
others (trades between strangers), labels, labels_without_trade (they speak of a trade that the venue does not \
have), unreadable (lines that are no label), and examples of client order ids.

Exit codes: 0 each trade joins exactly one label, 1 one does not, or the venue or the topic is away, 2 an argument \
cannot be used.";

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Where labels are: a file or kafka://host:port/TOPIC; several times for the files of several processes
    #[arg(long, required = true, value_name = "FILE|URL")]
    labels: Vec<LabelPlace>,
    /// The venue: a private one that keeps a ledger, such as http://127.0.0.1:9000
    #[arg(long, value_name = "URL")]
    venue: StagingAddress,
    /// Leave out trades before that moment, milliseconds since the epoch
    #[arg(long, value_name = "MS", default_value_t = 0)]
    since: i64,
    /// Options of the Kafka client
    #[command(flatten)]
    kafka: KafkaOptions,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let options = match args.kafka.read() {
        Ok(options) => options,
        Err(error) => {
            complain(&format!("{error:#}"));
            return Ok(ExitCode::from(2));
        }
    };
    let join = match read_labels(&args.labels, &options) {
        Ok(join) => join,
        Err(error) => {
            complain(&error.to_string());
            return Ok(ExitCode::from(if matches!(error, ReadError::File { .. }) { 2 } else { 1 }));
        }
    };
    let found = crate::app::runtime()?.block_on(join_trades(join, args))?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &found)?;
    writeln!(out)?;
    Ok(if found.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn read_labels(places: &[LabelPlace], options: &[(String, Secret)]) -> Result<Join, ReadError> {
    let mut join = Join::default();
    for place in places {
        place.read(Wanted::All, options, |label| match label {
            Some(label) => join.label(&label),
            None => join.unreadable(),
        })?;
    }
    Ok(join)
}

async fn join_trades(mut join: Join, args: &Args) -> anyhow::Result<Joined> {
    // Only the ledger is asked, which is the same in every dialect.
    let venue = Venue::Staging { dialect: Dialect::BinanceSpot, address: args.venue.clone() };
    let target = Target::of(&venue).context("a private venue has an address")?;
    let client = RestClient::new(target);
    let asked = each_since(&client, args.since, |trade| join.trade(&trade)).await;
    asked.with_context(|| format!("LABEL-012 {}: cannot tell its trades", args.venue))?;
    Ok(join.finish())
}
