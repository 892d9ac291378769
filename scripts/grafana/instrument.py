"""One instrument: the stages of its chain, from the tick to what the venue made of the pair."""

from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard
from panels import board, choice, lines, number, rows

FLEET = 'namespace="$namespace",job="$job"'
OWN = f'{FLEET},symbol="$symbol"'
MATCHED = ',outcome="matched"'


def rate(metric: str, more: str = "") -> str:
    return f"sum(rate({metric}{{{OWN}{more}}}[$__rate_interval]))"


def increase(metric: str) -> str:
    return f"sum(increase({metric}{{{OWN}}}[$__rate_interval]))"


def by(label: str, metric: str) -> str:
    return f"sum by ({label}) (rate({metric}{{{OWN}}}[$__rate_interval])) > 0"


def owners(share: float) -> str:
    """A quantile of the process that owns the symbol: latencies are a process's."""
    buckets = f"rate(st_tick_to_maker_seconds_bucket{{{FLEET}}}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by (le) ({buckets} and on (pod) st_symbol_owned{{{OWN}}} == 1))"


def instrument() -> Dashboard:
    ratio = f"{rate('st_pair_outcomes_total', MATCHED)} / {rate('st_pair_outcomes_total')}"
    # What is waiting or fired by itself makes no difference worth a series of its own.
    replaced = f"{rate('st_ticks_total')} - {rate('st_pairs_total')} - {rate('st_ticks_skipped_total')} > 0"
    age = f"max(st_book_age_seconds{{{OWN}}})"
    page = board(
        "self-trader-instrument", "self-trader / instrument", "The stages of one symbol: tick, skip, pair, outcome."
    ).with_variable(
        choice("symbol", "Symbol", 'label_values(st_ticks_total{namespace="$namespace",job="$job"}, symbol)')
    )
    return (
        page.with_panel(number("Ticks", rate("st_ticks_total"), "ops", 4, "That came to the instrument, a second."))
        .with_panel(number("Pairs", rate("st_pairs_total"), "ops", 4, "Decided, a second."))
        .with_panel(number("Match ratio", ratio, "percentunit", 4, "Pairs that matched, of those that ended."))
        .with_panel(number("Book", age, "s", 4, "Time since its top was confirmed."))
        .with_panel(
            number("Tick to maker", owners(0.5), "s", 4, "Median of its owner's symbols: tick to the maker's frame written.")
        )
        .with_panel(
            number("Epoch", f"max(st_symbol_epoch{{{OWN}}})", "none", 4, "Of the newest owner; part of each order's id.")
        )
        .with_row(Row("From the tick to the pair"))
        .with_panel(
            lines(
                "Ticks and pairs",
                [
                    (rate("st_ticks_total"), "ticks"),
                    (rate("st_pairs_total"), "pairs"),
                    (replaced, "replaced by a newer one"),
                ],
                "ops",
                12,
                "A tick makes a pair, is skipped, or gives way to a newer one while the gate is shut.",
            )
        )
        .with_panel(
            lines(
                "Skips",
                [(by("reason", "st_ticks_skipped_total"), "{{reason}}")],
                "ops",
                12,
                "Ticks that made no pair, by reason: docs/rules.md.",
                stacked=True,
            )
        )
        .with_row(Row("From the pair to its end"))
        .with_panel(
            lines(
                "Outcomes",
                [(by("outcome", "st_pair_outcomes_total"), "{{outcome}}")],
                "ops",
                12,
                "Pairs that ended. What each means: docs/metrics.md.",
                stacked=True,
            )
        )
        .with_panel(
            lines(
                "Refused, and other owners",
                [
                    (increase("st_orders_refused_total"), "orders that the venue refused"),
                    (increase("st_ownership_conflicts_total"), "terms that a later owner ended"),
                ],
                "short",
                12,
                "How many, within a step of the graph.",
            )
        )
        .with_row(Row("What it goes by"))
        .with_panel(lines("Book", [(age, "age")], "s", 8, "Time since the top of the book was confirmed."))
        .with_panel(
            lines(
                "Tick to maker",
                [(owners(share), name) for share, name in [(0.5, "p50"), (0.99, "p99")]],
                "s",
                8,
                "Receipt of the tick to the maker's frame written, of all symbols of its owner.",
            )
        )
        .with_panel(
            rows(
                "Owner",
                f"max by (symbol, pod) (st_symbol_owned{{{OWN}}}) == 1",
                ["Value"],
                8,
                "Which pod may trade it now.",
            )
        )
        .build()
    )
