"""The fleet: which symbols live, where, how fresh, how well they match, how fast, and what is skipped."""

from grafana_foundation_sdk.builders.dashboard import Row
from grafana_foundation_sdk.models.dashboard import Dashboard
from panels import board, lines, number, rows

OWN = 'namespace="$namespace",job="$job"'
MATCHED = ',outcome="matched"'


def rate(metric: str, more: str = "") -> str:
    return f"rate({metric}{{{OWN}{more}}}[$__rate_interval])"


def quantile(share: float, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) ({rate(metric + '_bucket')}))"


def quantiles(metric: str) -> list[tuple[str, str]]:
    return [(quantile(share, metric), name) for share, name in [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")]]


def gauge(metric: str, more: str = "") -> str:
    return f"{metric}{{{OWN}{more}}}"


def fleet() -> Dashboard:
    matched = f"sum({rate('st_pair_outcomes_total', MATCHED)}) / sum({rate('st_pair_outcomes_total')})"
    newest = f"time() - max({gauge('st_feed_last_tick_timestamp_seconds')} > 0)"
    by_symbol = "sum by (symbol)"
    worst = (
        f"bottomk(10, {by_symbol} ({rate('st_pair_outcomes_total', MATCHED)})"
        f" / {by_symbol} ({rate('st_pair_outcomes_total')}))"
    )
    page = board("self-trader-fleet", "self-trader / fleet", "Every process of a fleet, side by side.")
    page = (
        page.with_panel(number("Pods", f"count({gauge('st_start_time_seconds')})", "short", 4, "That answer."))
        .with_panel(
            number("Symbols configured", f"max({gauge('st_symbols_configured')})", "short", 4, "Of the whole fleet.")
        )
        .with_panel(number("Symbols owned", f"sum({gauge('st_symbols_owned')})", "short", 4, "Of the whole fleet."))
        .with_panel(number("Pairs", f"sum({rate('st_pairs_total')})", "ops", 4, "Decided, a second."))
        .with_panel(number("Match ratio", matched, "percentunit", 4, "Pairs that matched, of those that ended."))
        .with_panel(number("Newest tick", newest, "s", 4, "How long ago any pod had a tick."))
    )
    page = where(page)
    page = freshness(page, newest)
    page = (
        page.with_row(Row("Pairs"))
        .with_panel(
            lines(
                "Outcomes",
                [(f"sum by (outcome) ({rate('st_pair_outcomes_total')}) > 0", "{{outcome}}")],
                "ops",
                8,
                "Pairs that ended, a second. What each means: docs/metrics.md.",
                stacked=True,
            )
        )
        .with_panel(
            lines("Match ratio, the ten worst symbols", [(worst, "{{symbol}}")], "percentunit", 8, "Those that trade.")
        )
        .with_panel(
            lines(
                "Skips",
                [(f"sum by (reason) ({rate('st_ticks_skipped_total')}) > 0", "{{reason}}")],
                "ops",
                8,
                "Ticks that made no pair, a second, by reason: docs/rules.md.",
                stacked=True,
            )
        )
        .with_row(Row("Latency"))
        .with_panel(
            lines(
                "Tick to maker",
                quantiles("st_tick_to_maker_seconds"),
                "s",
                8,
                "Receipt of the tick to the maker's frame written.",
            )
        )
        .with_panel(
            lines(
                "Tick to done",
                quantiles("st_tick_to_done_seconds"),
                "s",
                8,
                "Receipt of the tick to both legs ended.",
            )
        )
        .with_panel(
            lines(
                "Trading thread",
                [
                    (f"max by (pod) ({gauge('st_loop_lag_seconds')})", "{{pod}}: last heartbeat"),
                    (f"sum by (pod) (increase({gauge('st_loop_stalls_total')}[$__rate_interval])) > 0", "{{pod}}: stalls"),
                ],
                "short",
                8,
                "Age of the heartbeat in seconds, and how often the thread stood still for more than 2 s.",
            )
        )
    )
    return faults(page).build()


def where(page):
    return (
        page.with_row(Row("Who owns what"))
        .with_panel(
            lines(
                "Symbols owned",
                [(f"sum by (pod) ({gauge('st_symbols_owned')})", "{{pod}}")],
                "short",
                8,
                "By pod. What is missing to the configured ones is traded by nobody.",
                stacked=True,
            )
        )
        .with_panel(
            rows(
                "Owners",
                f"max by (symbol, pod) ({gauge('st_symbol_owned')}) == 1",
                ["Value"],
                8,
                "Which pod may trade a symbol now.",
            )
        )
        .with_panel(
            rows(
                "Shards",
                f"max by (pod, sharding, shard, shards) ({gauge('st_shard')})",
                ["Value"],
                8,
                "How each pod believes the symbols to be shared: all must agree.",
            )
        )
        .with_panel(
            lines(
                "Hand-over",
                quantiles("st_handover_seconds"),
                "s",
                8,
                "Revocation, loss or shutdown to the last cancel of a symbol confirmed.",
            )
        )
        .with_panel(
            lines(
                "Leases",
                [
                    (f"min by (pod) ({gauge('st_lease_seconds_left')})", "{{pod}}: left"),
                    (f"sum by (pod) (increase({gauge('st_lease_errors_total')}[$__rate_interval])) > 0", "{{pod}}: errors"),
                ],
                "short",
                8,
                "Seconds until the first lease of a pod runs out, and questions to the lease store that failed.",
            )
        )
        .with_panel(
            lines(
                "Starts",
                [(f"changes(max by (pod) ({gauge('st_start_time_seconds')})[$__range:15s]) > 0", "{{pod}}")],
                "short",
                8,
                "Of each pod's process, within what is shown.",
            )
        )
    )


def freshness(page, newest: str):
    return (
        page.with_row(Row("Freshness"))
        .with_panel(
            lines(
                "Feed live",
                [(f"max by (pod) ({gauge('st_feed_live')})", "{{pod}}")],
                "short",
                6,
                "1 while messages arrive as they are published.",
            )
        )
        .with_panel(
            lines(
                "Ticks",
                [
                    (f"sum by (pod) ({rate('st_feed_ticks_total')})", "{{pod}}"),
                    (f"sum by (reason) ({rate('st_feed_rejected_total')}) > 0", "refused: {{reason}}"),
                ],
                "ops",
                6,
                "Messages that became ticks, and such as were refused, a second.",
            )
        )
        .with_panel(
            lines(
                "Newest tick",
                [(newest.replace("max(", "max by (pod) ("), "{{pod}}")],
                "s",
                6,
                "How long ago each pod had a tick.",
            )
        )
        .with_panel(
            lines(
                "Oldest books",
                [(f"topk(10, max by (symbol) ({gauge('st_book_age_seconds')}))", "{{symbol}}")],
                "s",
                6,
                "Time since the top of an owned symbol's book was confirmed.",
            )
        )
    )


def faults(page):
    return (
        page.with_row(Row("Faults"))
        .with_panel(
            lines(
                "Oldest open maker",
                [(f"max by (pod) ({gauge('st_oldest_open_maker_seconds')})", "{{pod}}")],
                "s",
                6,
                "Makers rest for milliseconds; one that does not is an orphan.",
            )
        )
        .with_panel(
            lines(
                "Refused by the venue",
                [
                    (f"sum by (symbol) (increase({gauge('st_orders_refused_total')}[$__rate_interval])) > 0", "{{symbol}}: orders"),
                    (f"sum by (pod) (increase({gauge('st_cancels_refused_total')}[$__rate_interval])) > 0", "{{pod}}: cancels"),
                ],
                "short",
                6,
                "Orders refused for another reason than that a maker would match; cancels of orders that may be open.",
            )
        )
        .with_panel(
            lines(
                "Another owner's orders",
                [(f"sum by (symbol) (increase({gauge('st_ownership_conflicts_total')}[$__rate_interval])) > 0", "{{symbol}}")],
                "short",
                6,
                "Seen on symbols that this fleet owns. Must stay empty.",
            )
        )
        .with_panel(
            lines(
                "Books and connections",
                [
                    (f"sum(increase({gauge('st_book_resyncs_total')}[$__rate_interval]))", "books fetched anew"),
                    (f"sum(increase({gauge('st_feed_reconnects_total')}[$__rate_interval]))", "feed connections"),
                ],
                "short",
                6,
                "How often, within a step of the graph.",
            )
        )
        .with_panel(
            lines(
                "Halted",
                [
                    (f"sum by (by) ({gauge('st_halted')}) > 0", "by {{by}}"),
                    (f"sum by (alarm) ({gauge('st_halted_by_alarm')}) > 0", "alarm: {{alarm}}"),
                ],
                "short",
                12,
                "Symbols that stand until they are released, by whom, and by which finding of their own.",
            )
        )
        .with_panel(
            lines(
                "Told to wait",
                [
                    (f"sum by (pod) (increase({gauge('st_http_429_total')}[$__rate_interval])) > 0", "{{pod}}: 429"),
                    (f"max by (pod, venue) ({gauge('st_banned_seconds')}) > 0", "{{pod}}: seconds of a ban of {{venue}}"),
                ],
                "short",
                12,
                "Answers of venues that were asked too often. Must stay empty.",
            )
        )
        .with_panel(
            lines(
                "Alerts",
                [(f"count by (alertname) (ALERTS{{{OWN},alertstate='firing'}})", "{{alertname}}")],
                "short",
                24,
                "That fire. docs/runbooks has a page for each.",
                stacked=True,
            )
        )
    )
