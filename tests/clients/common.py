"""What the scripts of the stock clients share: arguments, checks, and a local order book kept by the venue's rules."""

import argparse
import contextlib
import signal
import sys
import time
from collections import OrderedDict

KEY, SECRET = "test-key", "test-secret"
# Single orders go to one symbol, where nobody else trades. Others trade on the other one all the time.
QUIET, BUSY = "BTCUSDT", "ETHUSDT"
# Beyond the seconds of the book under load, no script needs this long.
PATIENCE = 300
# Nothing that is waited for takes this long.
SOON = 30
# How much longer a book may be kept, on a machine that stood still, until enough was seen of it.
LATE = 60
# Levels of a side that are compared.
LEVELS = 20


def arguments(what):
    """The product, the venue's address and the seconds of the book under load, from the command line."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("product", choices=["spot", "usdm"])
    parser.add_argument("address", help="http://HOST:PORT of the venue")
    parser.add_argument("seconds", type=float, nargs="?", default=10, help="how long the local book is kept under load")
    given = parser.parse_args()
    given.address = given.address.rstrip("/")
    given.socket = given.address.replace("http", "ws", 1)
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(int(given.seconds) + PATIENCE)
    return given


def too_late(*_):
    print("FAIL the script did not end in time", flush=True)
    sys.exit(1)


class Checks:
    """Prints one line a check; `end` is the exit code."""

    def __init__(self):
        self.failed = 0

    @contextlib.contextmanager
    def __call__(self, name):
        """What is inside must end without an exception."""
        try:
            yield
        except Exception as why:
            self.fail(name, why)
        else:
            print(f"ok   {name}", flush=True)

    @contextlib.contextmanager
    def refused(self, name, *words, by=Exception):
        """What is inside must be refused with those words."""
        try:
            yield
        except by as why:
            text = f"{why} {getattr(why, 'error_message', '')} {getattr(why, 'error_data', '')}"
            if all(word in text for word in words):
                print(f"ok   {name}", flush=True)
            else:
                self.fail(name, why)
        except Exception as why:
            self.fail(name, why)
        else:
            self.fail(name, "was not refused")

    def fail(self, name, why):
        self.failed += 1
        kind = f"{type(why).__name__} " if isinstance(why, Exception) else ""
        print(f"FAIL {name} {kind}{' '.join(str(why).split())[:1500]}", flush=True)

    def end(self):
        print(f"{self.failed} failed", flush=True)
        return 1 if self.failed else 0


def same(got, want):
    """`got` is that; numbers as text or as numbers."""
    if isinstance(want, float) and got is not None:
        got = float(got)
    if got != want:
        raise AssertionError(f"got {got!r}, want {want!r}")


def holds(good, *seen):
    """It is so; `seen` says what was there if not."""
    if not good:
        raise AssertionError(", ".join(repr(thing) for thing in seen) or "is not so")


def has(row, *names):
    """The answer has those fields, none of them null."""
    absent = [name for name in names if row.get(name) is None]
    holds(not absent, f"without {absent}", row)


def soon(condition, what, seconds=SOON):
    """Waits until the condition gives something, and gives it. For clients that run threads of their own."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come within {seconds} s")


def tells_time(ask):
    """The venue's clock is this machine's, however long the answer takes."""
    before = time.time() * 1000
    told = ask()
    holds(before - 2 <= told <= time.time() * 1000 + 2, before, told)


def traded(rows):
    """Candles whose last ones have trades. The newest may be a minute that has only just begun."""
    return rows and any(float(row[5]) > 0 for row in rows[-2:])


def levels(side, sign):
    """The best levels of a side, as numbers, best first."""
    side = side.items() if hasattr(side, "items") else side
    rows = [(float(level[0]), float(level[1])) for level in side]
    return sorted(rows, key=lambda row: sign * row[0])[:LEVELS]


class Seen:
    """The states that a local book went through, by update id, to hold against snapshots of the venue."""

    def __init__(self):
        self.states = OrderedDict()
        self.updates = 0
        self.compared = 0

    def note(self, update_id, bids, asks):
        """The book as it is after that update."""
        self.updates += 1
        self.states[update_id] = (levels(bids, -1), levels(asks, 1))
        while len(self.states) > 600:
            self.states.popitem(last=False)

    @property
    def last(self):
        return next(reversed(self.states), 0)

    def compare(self, snapshot):
        """A snapshot of the venue that the book has reached must be the state that the book had then."""
        state = self.states.get(snapshot["lastUpdateId"])
        if state is None:
            return
        same(state, (levels(snapshot["bids"], -1), levels(snapshot["asks"], 1)))
        self.compared += 1

    def wants_more(self, begun, seconds):
        """The time since then is not over; or it is, and too little was seen, since the machine stood still for long."""
        passed = time.monotonic() - begun
        enough = self.compared >= seconds / 4 and self.updates >= seconds * 2
        return passed < seconds or (not enough and passed < seconds + LATE)

    def judge(self, seconds):
        """Enough was seen and compared to say that the book was kept."""
        holds(self.compared >= seconds / 4, f"{self.compared} snapshots compared in {seconds} s")
        holds(self.updates >= seconds * 2, f"{self.updates} updates in {seconds} s")
        bids, asks = next(reversed(self.states.values()))
        holds(len(bids) > 3 and len(asks) > 3 and bids[0][0] < asks[0][0], bids[:3], asks[:3])
        return f"{self.updates} updates, {self.compared} snapshots equal"


class Book:
    """A local book by the venue's published rules, for libraries that bring the stream and leave the book to the user.

    `snapshot` fetches one. Every start over after the first is counted in `resyncs`.
    """

    def __init__(self, snapshot, futures):
        self.snapshot, self.futures = snapshot, futures
        self.seen, self.buffer = Seen(), []
        self.last, self.bids, self.asks = None, {}, {}
        self.resyncs, self.snapshots, self.joined = 0, 0, False

    def take(self, event):
        """One diff of the stream."""
        if self.last is None:
            self.buffer.append(event)
            self.start()
        else:
            self.follow(event)

    def start(self):
        """The diffs are flowing: joins them with a snapshot that is not older than the first of them."""
        taken = self.snapshot()
        self.snapshots += 1
        holds(self.snapshots < 50, "no snapshot fits the stream")
        if int(taken["lastUpdateId"]) < int(self.buffer[0]["U"]) - 1:
            return
        self.last = int(taken["lastUpdateId"])
        self.bids, self.asks = dict_of(taken["bids"]), dict_of(taken["asks"])
        self.joined = False
        waiting, self.buffer = self.buffer, []
        for event in waiting:
            if self.last is not None:
                self.follow(event)

    def follow(self, event):
        first, final = int(event["U"]), int(event["u"])
        if final < self.last or (not self.futures and final <= self.last):
            return
        if not self.fits(event, first, final):
            self.resyncs += 1
            self.last, self.buffer = None, [event]
            return
        for book, side in ((self.bids, event["b"]), (self.asks, event["a"])):
            apply(book, side)
        self.last, self.joined = final, True
        self.seen.note(final, self.bids, self.asks)

    def fits(self, event, first, final):
        if not self.joined:
            return first <= self.last + 1 <= final + 1
        return int(event["pu"]) == self.last if self.futures else first == self.last + 1


def dict_of(side):
    return {float(level[0]): float(level[1]) for level in side}


def apply(book, side):
    for level in side:
        price, qty = float(level[0]), float(level[1])
        if qty:
            book[price] = qty
        else:
            book.pop(price, None)
