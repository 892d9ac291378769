"""A fleet on the cluster, and the venue that judges it."""

import datetime
import json
import re
import subprocess

from kube import Failed, until
from ledger import Ledger
from machine import symbols

RELEASE = "fleet"
JUDGE = "judge"
POD = f"{RELEASE}-self-trader"
SERIES = re.compile(r'^(st_symbol_(?:owned|epoch))\{.*?symbol="([^"]+)".*?\} (\S+)', re.MULTILINE)


class Fleet:
    """Three to five pods, the symbols they share, and the venue's ledger."""

    def __init__(self, space, image, server, count, persistence=None):
        self.space, self.image, self.server = space, image, server
        self.symbols = symbols(count)
        self.ledger = Ledger()
        self.persistence = persistence or {"enabled": False}
        self.values = self.first_values()

    def install_judge(self):
        """The embedded venue of a trial, without the trial."""
        listed = [{"name": name, "priceDecimals": 2, "qtyDecimals": 6} for name in self.symbols]
        trial = {"enabled": True, "symbols": listed}
        quiet = {"networkPolicy": {"enabled": False}, "replicaCount": 0}
        self.space.install(JUDGE, {**self.picture(), **quiet, "trial": trial})

    def picture(self, tag=0):
        repository, name = self.image[tag % len(self.image)].rsplit(":", 1)
        return {"image": {"repository": repository, "tag": name, "pullPolicy": "IfNotPresent"}}

    def first_values(self):
        account = {"API KEY": {"env": "VENUE_API_KEY"}, "Secret": {"file": "/run/secrets/self-trader/venue-secret"}}
        venue = {"Maker Exchange": "staging", "Dialect": "binance_spot", "Address": f"http://{JUDGE}-self-trader-venue:8080"}
        rules = {
            "Follow Exchange": "binance", "Term type": "SPOT", "Price Decimals": 2, "Qty Decimals": 6, "Interval": 0,
            "Qty Multiplier": 1, "Price Divergence": 0.05, "Max Amt Per Order": 10000000, "Same Price": "keep",
            "Same Qty": "keep", "Side": "follow",
        }  # fmt: skip
        everybody = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
        group = self.server.scheme == "kafka"
        return {
            **self.picture(),
            "replicaCount": 3,
            "sharding": {"mode": "group", "maxReplicas": 5} if group else {"mode": "static"},
            "secrets": [
                {"name": "account", "key": "key", "env": "VENUE_API_KEY"},
                {"name": "account", "key": "secret", "file": "venue-secret"},
                {"name": "feed", "key": "url", "env": "FEED_URL"},
            ],
            "config": {
                "Feed": {"env": "FEED_URL"},
                "instrumentDefaults": {**venue, **account, **rules},
                "instruments": [{"Follow Symbol": name, "Maker Symbol": name} for name in self.symbols],
            },
            "persistence": self.persistence,
            "networkPolicy": {
                "dns": {"peers": everybody},
                "feed": {"peers": [{"ipBlock": {"cidr": f"{self.server.host}/32"}}]},
                "venue": {"peers": [{"podSelector": {"matchLabels": {"app.kubernetes.io/component": "venue"}}}]},
                "scraper": {"peers": everybody},
            },
        }

    def install(self):
        self.space.secret("account", key="test-key", secret="test-secret")
        self.space.secret("feed", url=self.server.url)
        return self.space.install(RELEASE, self.values)

    def upgrade(self, **changes):
        self.values = {**self.values, **changes}
        return self.space.install(RELEASE, self.values, "upgrade")

    def read(self):
        """Brings the ledger up to date."""
        # What changed in the newest millisecond may not have been all.
        self.ledger.read(self.venue(f"/venue/orders?since={self.ledger.newest}"))
        return self.ledger

    def venue(self, path):
        """What the venue answers."""
        text = self.space.ask("services", f"{JUDGE}-self-trader-venue", "http", path)
        if text is None:
            raise Failed(f"the venue does not answer {path}")
        return text

    def totals(self):
        return json.loads(self.venue("/venue/totals"))

    def trades(self):
        return json.loads(self.venue("/venue/trades"))

    def now(self):
        """The venue's clock, milliseconds."""
        return json.loads(self.venue("/api/v3/time"))["serverTime"]

    def owners(self):
        """Who says that it owns what: symbol -> [(pod, epoch)]."""
        found = {}
        for pod in self.space.pods(RELEASE):
            for symbol, epoch in self.owned_by(pod).items():
                found.setdefault(symbol, []).append((pod, epoch))
        return found

    def owned_by(self, pod):
        """The symbols that a pod says it owns, with their epochs."""
        text = self.space.ask("pods", pod, 9464, "/metrics") or ""
        series = {}
        for name, symbol, value in SERIES.findall(text):
            series.setdefault(symbol, {})[name] = float(value)
        owned = {symbol: one for symbol, one in series.items() if one.get("st_symbol_owned") == 1}
        return {symbol: int(one["st_symbol_epoch"]) for symbol, one in owned.items()}

    def settled(self):
        """Whether each symbol has one owner in the fleet; then who it is."""
        owners = self.owners()
        one_each = set(owners) == set(self.symbols) and all(len(who) == 1 for who in owners.values())
        return {symbol: who[0] for symbol, who in owners.items()} if one_each else None

    def trades_everywhere(self, since, patience=90):
        """Waits until each symbol has pairs of the owner that claims it, since a moment; gives the owners."""

        def everywhere():
            owners = self.settled()
            if not owners:
                return None
            traded = self.read().traded(since)
            fine = all(owners[symbol][1] in traded.get(symbol, ()) for symbol in self.symbols)
            return owners if fine else None

        try:
            return until("every symbol has one owner, who trades it", everywhere, patience, 0.5)
        except Failed as failure:
            traded, owners = self.ledger.traded(since), self.owners()
            silent = [name for name in self.symbols if name not in traded]
            odd = {name: owners.get(name) for name in self.symbols if len(owners.get(name, ())) != 1}
            raise Failed(f"{failure}; silent {silent[:5]} of {len(silent)}; not owned once {odd}") from None

    def follow_log(self, pod, file):
        """Follows a pod's log into a file from now on."""
        words = ["kubectl", "--namespace", self.space.name, "logs", "--follow", "--timestamps", pod]
        return subprocess.Popen(words, stdout=file, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def stopped_at(log):
    """When a program said in its log that it stops: milliseconds of the node's clock; None if it did not."""
    for line in log.splitlines():
        stamp, _, text = line.partition(" ")
        if "stopping" in text:
            seconds, _, rest = stamp.rstrip("Z").partition(".")
            whole = datetime.datetime.fromisoformat(seconds).replace(tzinfo=datetime.timezone.utc).timestamp()
            return int(whole * 1000 + int(rest[:3].ljust(3, "0")))
    return None
