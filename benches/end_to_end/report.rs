//! What is printed: a line a phase, then a table of medians over the rounds.

use std::fmt;

use hdrhistogram::Histogram;

use crate::options::Args;
use crate::phase::{self, Sample};
use crate::subject::Subject;

/// One of a sample's histograms.
type Part = fn(&Sample) -> &Histogram<u64>;

const QUANTILES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 1.0];

/// Whom a subject is compared with, and in which of the quantiles.
const BASES: [(Subject, usize); 4] =
    [(Subject::Relay, 0), (Subject::Raw, 0), (Subject::Program, 0), (Subject::Program, 2)];

/// All samples of a run.
pub(crate) struct Report {
    rates: Vec<u64>,
    samples: Vec<Sample>,
}

impl Report {
    pub(crate) fn new(args: &Args) -> Self {
        Self { rates: args.rates(), samples: Vec::new() }
    }

    pub(crate) fn add(&mut self, sample: Sample) {
        self.samples.push(sample);
    }

    pub(crate) fn all_accounted_for(&self) -> bool {
        self.samples.iter().all(|sample| {
            let balanced = sample.summary.as_ref().is_none_or(|summary| {
                summary.books_balance
                    && summary.lagged == 0
                    && summary.messages == sample.plan.ticks() + phase::probes(summary)
            });
            sample.unaccounted == 0 && balanced
        })
    }

    /// One phase in a line.
    pub(crate) fn line(&self, sample: &Sample) -> String {
        let [p50, p90, p99, p999, max] = quantiles(&sample.at_once);
        let [late, late_max] = sample.publisher_late_ns.map(|ns| ns / 1_000);
        let [own, venue, feed] = sample.cpu_us;
        let counts = sample.summary.as_ref().map_or_else(String::new, |summary| {
            format!(
                ", pairs {} matched {} conflated {} skips {:?}, inside {} us",
                summary.pairs,
                summary.matched,
                summary.conflated,
                summary.skips,
                summary.tick_to_maker_us.p50,
            )
        });
        format!(
            "{} at {}/s: {p50:.0} {p90:.0} {p99:.0} {p999:.0} {max:.0} us, all p50 {:.0}, publisher late {late} \
             (max {late_max}), cpu {own:.0} venue {venue:.0} feed {feed:.0} us/tick, ready after {} ms{counts}",
            sample.subject.name(),
            sample.plan.rate,
            quantiles(&sample.all)[0],
            sample.ready_ms,
        )
    }

    fn of(&self, subject: Subject, rate: u64) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.subject == subject && sample.plan.rate == rate).collect()
    }

    fn rows(&self, rate: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for subject in Subject::ALL {
            let samples = self.of(subject, rate);
            if samples.is_empty() {
                continue;
            }
            let parts: &[(&str, Part)] = if subject.decides() {
                &[(" at once", |sample| &sample.at_once), (" all", |sample| &sample.all)]
            } else {
                &[("", |sample| &sample.all)]
            };
            for (part, histogram) in parts {
                self.row(subject, part, *histogram, &samples, f)?;
            }
        }
        Ok(())
    }

    fn row(
        &self,
        subject: Subject,
        part: &str,
        histogram: Part,
        samples: &[&Sample],
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let rate = samples[0].plan.rate;
        let of =
            |value: &dyn Fn(&Sample) -> f64| median(samples.iter().map(|sample| value(sample)).collect());
        write!(f, "| {rate} | {}{part} ", subject.name())?;
        for at in 0..QUANTILES.len() {
            write!(f, "| {:.0} ", of(&|sample| quantiles(histogram(sample))[at]))?;
        }
        for (base, at) in BASES {
            write!(f, "| {:.2} ", self.ratio(histogram, samples, base, at))?;
        }
        let ticks = of(&|sample| histogram(sample).len() as f64);
        let [cpu, venue, feed] = [0, 1, 2].map(|at| of(&|sample| sample.cpu_us[at]));
        let unaccounted: i128 = samples.iter().map(|sample| sample.unaccounted.abs()).sum();
        let rss = of(&|sample| sample.rss_kb as f64) / 1_024.0;
        writeln!(f, "| {ticks:.0} | {cpu:.0} / {venue:.0} / {feed:.0} | {rss:.0} | {unaccounted} |")
    }

    /// The median over the rounds of a quantile to another subject's in the same round; of a program's ticks the same
    /// ones are taken.
    fn ratio(&self, histogram: Part, samples: &[&Sample], base: Subject, at: usize) -> f64 {
        let others = self.of(base, samples[0].plan.rate);
        let of_base: Part = if base.decides() { histogram } else { |sample| &sample.all };
        let pairs = samples.iter().zip(others);
        median(
            pairs.map(|(one, other)| quantiles(histogram(one))[at] / quantiles(of_base(other))[at]).collect(),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "microseconds from the planned publish moment to the frame read by the venue; medians over rounds"
        )?;
        writeln!(
            f,
            "| ticks/s | subject | p50 | p90 | p99 | p99.9 | max | p50 to relay | to raw | p50 to program | p99 | timed | cpu us/tick: own / venue / \
             feed | peak RSS MB | unaccounted |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")?;
        self.rates.iter().try_for_each(|rate| self.rows(*rate, f))
    }
}

/// In microseconds.
fn quantiles(histogram: &Histogram<u64>) -> [f64; 5] {
    QUANTILES.map(|quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0)
}

/// Not a number where there is nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
