"""The judge: what the venue's own ledger says of the owners of each symbol.

An owner is an epoch in a client order id: `st`, instance (4), instrument (6), epoch (6), sequence (8), `m` or `t`.
"""

import json
import statistics
from collections import Counter
from dataclasses import dataclass, field

OPEN = ("NEW", "PARTIALLY_FILLED")
ID_LEN = 27


@dataclass
class Owner:
    """What one epoch did on one symbol; milliseconds of the venue's clock."""

    symbol: str
    epoch: int
    first: int
    last: int
    ended: int
    orders: int = 0


@dataclass
class Ledger:
    """Orders by their client order id, as far as they were read."""

    orders: dict = field(default_factory=dict)
    newest: int = 0

    def read(self, text):
        """Takes in what `/venue/orders` answered."""
        for order in json.loads(text):
            self.orders[order["clientOrderId"]] = order
            self.newest = max(self.newest, order["updateTime"])

    def ours(self):
        return (order for name, order in self.orders.items() if len(name) == ID_LEN and name.startswith("st"))

    def open(self):
        return [order["clientOrderId"] for order in self.ours() if order["status"] in OPEN]

    def owners(self):
        """The owners of each symbol, in the order in which they began."""
        found = {}
        for order in self.ours():
            key = order["symbol"], epoch_of(order)
            time, ended = order["time"], order["updateTime"]
            owner = found.setdefault(key, Owner(*key, first=time, last=time, ended=ended))
            owner.first, owner.last = min(owner.first, time), max(owner.last, time)
            owner.ended = max(owner.ended, ended)
            owner.orders += 1
        symbols = {}
        for owner in sorted(found.values(), key=lambda owner: (owner.first, owner.epoch)):
            symbols.setdefault(owner.symbol, []).append(owner)
        return symbols

    def overlaps(self):
        """Where an owner began before the one before it had ended: its orders placed, and brought to their end."""
        faults = []
        for symbol, owners in self.owners().items():
            for old, new in zip(owners, owners[1:]):
                if new.first <= old.last or new.first < old.ended or new.epoch <= old.epoch:
                    faults.append(f"{symbol}: {old} then {new}")
        return faults

    def gaps(self, since):
        """From an owner's last order to its successor's first, milliseconds, of those that began since then."""
        pairs = (pair for owners in self.owners().values() for pair in zip(owners, owners[1:]))
        return sorted(new.first - old.last for old, new in pairs if new.first >= since)

    def traded(self, since):
        """The epochs that placed orders since then, by symbol."""
        found = {}
        for order in self.ours():
            if order["time"] >= since:
                found.setdefault(order["symbol"], set()).add(epoch_of(order))
        return found

    def placed_after(self, epochs, time):
        """Orders of these owners (symbol, epoch) placed after a moment: how late each, milliseconds."""
        owned = (order for order in self.ours() if (order["symbol"], epoch_of(order)) in epochs)
        return sorted(order["time"] - time for order in owned if order["time"] > time)

    def longest_maker(self, since):
        """How long a maker rested at most, milliseconds, of those placed since then."""
        makers = (one for one in self.ours() if one["clientOrderId"].endswith("m") and one["time"] >= since)
        return max((one["updateTime"] - one["time"] for one in makers), default=0)

    def matched(self, since):
        """How many takers traded since then."""
        takers = (one for one in self.ours() if one["clientOrderId"].endswith("t") and one["time"] >= since)
        return sum(one["status"] == "FILLED" for one in takers)


def unlabelled(trades, labels):
    """The trades that do not join exactly one label, by the maker's client order id and the trade's own."""
    named = Counter((one["maker"]["client_id"], fill["trade_id"]) for one in labels for fill in one["maker"]["fills"])
    return [trade for trade in trades if named[trade["makerClientOrderId"], trade["id"]] != 1]


def epoch_of(order):
    return int(order["clientOrderId"][12:18], 36)


def spread(numbers):
    """Median and most, as text."""
    if not numbers:
        return "none"
    return f"p50 {statistics.median(numbers) / 1000:.2f} s, max {max(numbers) / 1000:.2f} s, {len(numbers)} hand-overs"
