"""Who may speak to whom, by the rules that the chart renders."""

import unittest

import helm
from network import Peer, allows

SELF = {"app.kubernetes.io/name": "self-trader", "app.kubernetes.io/instance": "t"}


def ours(component):
    labels = {**SELF, "app.kubernetes.io/component": component}
    return Peer(component, labels, "prod", "10.244.0.5")


TRADER, VENUE, CHECK, REAPER = ours("trader"), ours("venue"), ours("check"), ours("reaper")
DNS = Peer("dns", {"k8s-app": "kube-dns"}, "kube-system", "10.244.0.2")
REDIS = Peer("redis", {"app": "redis"}, "prod", "10.244.0.6")
OTHER_REDIS = Peer("another namespace's redis", {"app": "redis"}, "elsewhere", "10.244.0.7")
EXCHANGE = Peer("venue", {"app": "venue"}, "exchange", "10.244.0.8")
KAFKA = Peer("kafka", {}, "kafka", "10.244.0.9")
PROMETHEUS = Peer("prometheus", {"app": "prometheus"}, "monitoring", "10.244.0.10")
STRANGER = Peer("stranger", {"app": "shop"}, "prod", "10.244.0.11")
INTERNET = Peer("internet", ip="93.184.216.34")
NETWORK = Peer("a host of the venue's network", ip="10.20.1.1")
HOLE = Peer("a host that is left out", ip="10.20.9.1")
API_SERVER = Peer("API server", ip="10.96.0.1")


class Policies(unittest.TestCase):
    def check(self, file, allowed, forbidden):
        objects = helm.template([helm.CHART / "ci" / file])
        policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
        for wanted, flows in ((True, allowed), (False, forbidden)):
            for sender, receiver, port, *protocol in flows:
                with self.subTest(f"{sender.name} -> {receiver.name}:{port}", allowed=wanted):
                    self.assertEqual(allows(policies, sender, receiver, port, *protocol), wanted)

    def test_a_fleet_reaches_its_peers_and_nobody_else(self):
        self.check(
            "static-redis-values.yaml",
            [
                (TRADER, REDIS, 6379),
                (TRADER, EXCHANGE, 8080),
                (TRADER, DNS, 53, "UDP"),
                (TRADER, DNS, 53),
                (PROMETHEUS, TRADER, 9464),
                (REAPER, EXCHANGE, 8080),
                (REAPER, DNS, 53, "UDP"),
                (PROMETHEUS, REAPER, 9464),
            ],
            [
                (REAPER, REDIS, 6379),
                (REAPER, EXCHANGE, 443),
                (REAPER, TRADER, 9464),
                (REAPER, INTERNET, 443),
                (STRANGER, REAPER, 9464),
                (TRADER, REDIS, 6380),
                (TRADER, OTHER_REDIS, 6379),
                (TRADER, EXCHANGE, 443),
                (TRADER, DNS, 9153),
                (TRADER, STRANGER, 6379),
                (TRADER, INTERNET, 443),
                (TRADER, API_SERVER, 443),
                (TRADER, TRADER, 9464),
                (PROMETHEUS, TRADER, 8080),
                (PROMETHEUS, TRADER, 9464, "UDP"),
                (STRANGER, TRADER, 9464),
                (INTERNET, TRADER, 9464),
                (CHECK, REDIS, 6379),
                (CHECK, DNS, 53, "UDP"),
                (PROMETHEUS, CHECK, 9464),
            ],
        )

    def test_blocks_of_addresses_have_holes(self):
        self.check(
            "group-kafka-values.yaml",
            [(TRADER, KAFKA, 9093), (TRADER, NETWORK, 8080), (TRADER, DNS, 53, "UDP")],
            [(TRADER, HOLE, 8080), (TRADER, NETWORK, 8081), (TRADER, KAFKA, 9092), (TRADER, REDIS, 6379)],
        )

    def test_a_trial_keeps_to_itself(self):
        self.check(
            "trial-values.yaml",
            [(TRADER, VENUE, 8080), (REAPER, VENUE, 8080), (TRADER, DNS, 53, "UDP"), (PROMETHEUS, TRADER, 9464)],
            [
                (STRANGER, VENUE, 8080),
                (PROMETHEUS, VENUE, 8080),
                (VENUE, TRADER, 9464),
                (VENUE, DNS, 53, "UDP"),
                (VENUE, INTERNET, 443),
                (TRADER, VENUE, 9464),
                (TRADER, INTERNET, 443),
            ],
        )

    def test_a_venue_opens_to_named_clients(self):
        peers = [{"podSelector": {"matchLabels": {"app": "shop"}}}]
        values = {"trial": {"enabled": True}, "networkPolicy": {"trialClients": {"peers": peers}}}
        policies = [one for one in helm.template(values=values) if one["kind"] == "NetworkPolicy"]
        self.assertTrue(allows(policies, STRANGER, VENUE, 8080))
        self.assertFalse(allows(policies, PROMETHEUS, VENUE, 8080))


if __name__ == "__main__":
    unittest.main()
