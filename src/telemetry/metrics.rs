//! What a metric is, and the process's recorder of those that belong to no symbol.

use std::sync::OnceLock;

use metrics::Label as Pair;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub use super::table::TABLE;

/// Series that one process may have besides those of its symbols: fewer than 200.
pub const PROCESS_SERIES_MAX: usize = 199;
/// Series that each symbol may add.
pub const SYMBOL_SERIES_MAX: usize = 30;
/// Venues that a process can trade on: all but the one that `run` refuses.
const VENUES_MAX: usize = 4;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bounds, with a sum and a count.
    Histogram(&'static [f64]),
}

impl Kind {
    /// The name in Prometheus' text format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram(_) => "histogram",
        }
    }

    /// Series for each combination of labels.
    #[must_use]
    pub const fn series(self) -> usize {
        match self {
            Self::Counter | Self::Gauge => 1,
            // One more bucket for all that is longer, the sum, the count.
            Self::Histogram(bounds) => bounds.len() + 3,
        }
    }
}

/// The values that a label can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// The maker symbols.
    Symbol,
    /// The venues' names.
    Venue,
    /// One value, the process's own.
    Process,
    /// These; each shows from the start.
    Named(&'static [&'static str]),
    /// Names of a closed list elsewhere, no more than these.
    AtMost(usize),
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it can be.
    pub values: Values,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [Label],
    /// What it tells.
    pub help: &'static str,
}

impl Metric {
    /// Whether each symbol has its own series of it.
    #[must_use]
    pub fn is_per_symbol(&self) -> bool {
        self.labels.iter().any(|label| label.values == Values::Symbol)
    }

    /// The most series of it: of one symbol, or of the process.
    #[must_use]
    pub fn series_max(&self) -> usize {
        let combinations = self.labels.iter().map(|label| match label.values {
            Values::Symbol | Values::Process => 1,
            Values::Venue => VENUES_MAX,
            Values::Named(names) => names.len(),
            Values::AtMost(count) => count,
        });
        combinations.product::<usize>() * self.kind.series()
    }

    /// Shows from the start what is known before anything happens: a rate needs the zero that it began with.
    fn register(&self) {
        let pairs: Vec<Vec<Pair>> = match self.labels {
            [] => vec![Vec::new()],
            [Label { name, values: Values::Named(values) }] => {
                values.iter().map(|value| vec![Pair::from_static_parts(name, value)]).collect()
            }
            _ => Vec::new(),
        };
        for labels in pairs {
            match self.kind {
                Kind::Counter => metrics::counter!(self.name, labels).increment(0),
                Kind::Histogram(_) => drop(metrics::histogram!(self.name, labels)),
                Kind::Gauge => {}
            }
        }
    }

    fn describe(&self) {
        match self.kind {
            Kind::Counter => metrics::describe_counter!(self.name, self.help),
            Kind::Gauge => metrics::describe_gauge!(self.name, self.help),
            Kind::Histogram(_) => metrics::describe_histogram!(self.name, self.help),
        }
    }
}

/// The process's recorder of metrics; installed once, whoever asks first.
pub fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let of_process = || TABLE.iter().filter(|metric| !metric.is_per_symbol());
        let recorder = of_process().fold(PrometheusBuilder::new(), with_buckets).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics were installed before; these stay empty");
        }
        of_process().for_each(|metric| {
            metric.describe();
            metric.register();
        });
        handle
    })
}

fn with_buckets(builder: PrometheusBuilder, metric: &Metric) -> PrometheusBuilder {
    let Kind::Histogram(bounds) = metric.kind else { return builder };
    let matcher = Matcher::Full(metric.name.to_owned());
    builder.set_buckets_for_metric(matcher, bounds).expect("the table's histograms have buckets")
}
