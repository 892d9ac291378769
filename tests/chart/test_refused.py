"""What values may not say: one clear line each, and never the text of a secret."""

import unittest

import helm

PLAIN = "hunter2"


def values(config=None, **more):
    base = helm.values(**more)
    base["config"].update(config or {})
    return base


def account(**keys):
    return {"instruments": [helm.instrument(**keys)]}


OPEN = {"networkPolicy": {"enabled": False}}
# What the schema finds, by the shape alone.
SHAPES = [
    ("a typo", {"replicaCont": 3}, "'replicaCont' not allowed"),
    ("a typo further in", {"persistence": {"enabledd": True}}, "/persistence"),
    ("a typo in a key of the program", values({"Sede": 1}), "'Sede' not allowed"),
    ("a typo in an instrument", values(account(**{"Qty Multipler": 1})), "'Qty Multipler' not allowed"),
    ("a key that the chart sets", values({"Shards": 3}), "'Shards' not allowed"),
    ("a number as text", values({"Seed": "1"}), "got string, want integer"),
    ("two references", values({"Feed": {"env": "A", "file": "/b"}}), "/config/Feed"),
    ("a secret that goes nowhere", values(secrets=[{"name": "a", "key": "b"}]), "/secrets/0': 'oneOf'"),
    ("no time to stop", values(terminationGracePeriodSeconds=10), "/terminationGracePeriodSeconds"),
    ("an unknown sharding", values(sharding={"mode": "dynamic"}), "/sharding/mode"),
]
# What only the templates can find.
MEANINGS = [
    ("nothing", {}, "config.instruments: empty"),
    ("no feed", {"config": {"instruments": [helm.instrument()]}}, "config.Feed: missing"),
    ("a feed that nobody gives", values({"Feed": {"env": "NOBODY"}}, **OPEN), "config.Feed: no entry of secrets"),
    ("a group that is not shared", values({"Feed": "kafka://k:9/t?group=g"}, **OPEN), "wants sharding.mode group"),
    ("alone with three", values(replicaCount=3, sharding={"mode": "alone"}), "alone is one process (got replicaCount 3"),
    ("a store behind the wall", values({"Lease Store": "redis://r:1"}), "networkPolicy.leaseStore.peers: empty"),
    ("no store of leases", values(replicaCount=3), "config.Lease Store: missing"),
    ("no group", values({"Feed": "kafka://k:9092/t"}, sharding={"mode": "group"}, **OPEN), "needs a Kafka group"),
    (
        "more than the most",
        values({"Feed": "kafka://k:9092/t?group=g"}, replicaCount=3, sharding={"mode": "group", "maxReplicas": 2}, **OPEN),
        "replicaCount: more than sharding.maxReplicas (got 3, want at most 2)",
    ),
    ("a trial of two", {"trial": {"enabled": True}, "replicaCount": 2}, "a trial is one process"),
    ("a trial with a feed", values(trial={"enabled": True}), "a trial brings its own feed"),
    ("a feed behind the wall", values({"Feed": "redis://redis:6379"}), "networkPolicy.feed.peers: empty"),
    ("a venue behind the wall", values(account(**{"Maker Exchange": "okx"})), "networkPolicy.venue.peers: empty"),
    (
        "a variable that nobody sets",
        values(account(**{"API KEY": {"env": "NOBODY"}})),
        "instrument BTCUSDT: API KEY: no entry of secrets gives the variable NOBODY",
    ),
    (
        "a file that nobody brings",
        values(account(Secret={"file": "/run/secrets/self-trader/x"})),
        "instrument BTCUSDT: Secret: no entry of secrets gives the file",
    ),
]
# Secrets in plain text.
SECRETS = [
    ("a key", values(account(**{"API KEY": PLAIN})), "API KEY"),
    ("a secret", values(account(Secret=PLAIN)), "Secret"),
    ("a passphrase", values(account(Passphrase=PLAIN)), "Passphrase"),
    ("a secret among the defaults", values({"instrumentDefaults": {"Secret": PLAIN}}), "Secret"),
    ("the feed's password", values({"Feed": f"redis://u:{PLAIN}@h:6379"}, **OPEN), "config.Feed"),
    ("a password without a user", values({"Feed": f"rediss://:{PLAIN}@h:6379"}, **OPEN), "config.Feed"),
    ("the lease store's password", values({"Lease Store": f"redis://u:{PLAIN}@h"}, **OPEN), "config.Lease Store"),
    ("a password of the Kafka client", values({"Kafka Options": {"sasl.password": PLAIN}}, **OPEN), "Kafka Options"),
]


class Refused(unittest.TestCase):
    def said(self, given, *more):
        with self.assertRaises(helm.Refused) as refused:
            helm.template(values=given, helm=self.binary, more=more)
        return str(refused.exception)

    def each(self, table, *more):
        for self.binary in helm.HELMS:
            for what, given, wanted in table:
                with self.subTest(what, helm=self.binary):
                    said = self.said(given, *more)
                    lines = [line for line in said.splitlines() if wanted in line]
                    self.assertEqual(len(lines), 1, said)
                    self.assertNotIn(PLAIN, said)

    def test_shapes(self):
        self.each(SHAPES)

    def test_meanings(self):
        self.each(MEANINGS)

    def test_secrets_in_plain_text(self):
        self.each(SECRETS)

    def test_secrets_in_plain_text_with_the_schema_switched_off(self):
        self.each(SECRETS, "--skip-schema-validation")

    def test_all_faults_at_once(self):
        self.binary = helm.HELMS[0]
        said = self.said(values(account(**{"Maker Exchange": "okx"}), replicaCount=3))
        self.assertIn("config.Lease Store", said)
        self.assertIn("networkPolicy.venue.peers", said)


if __name__ == "__main__":
    unittest.main()
