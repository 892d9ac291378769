"""The chart and the program on a cluster, judged by the venue's own ledger.

A trial install; a fleet on Redis (static sharding, leases); a fleet on Kafka (a group). Prints what it measured.
KUBECONFIG names the cluster, IMAGE its images (two tags of one program, separated by a comma).
"""

import json
import os
import re
import sys
import tempfile
import time

import fleet as fleets
import kube
import machine
from fleet import JUDGE, POD, RELEASE, Fleet
from kube import Failed, Namespace, run, until
from ledger import spread, unlabelled
from volumes import Volumes

SYMBOLS = 60
TRIAL_WITHIN = 60
# How late an order of a process that was told to stop may be, by the venue's clock.
LATE_MAX_MS = 50
# How long the feed's server stands still: longer than a lease, a commit or a session holds.
FROZEN_S = 12
# How long a maker may rest where its owner was killed: until the successor may trade, and has swept.
ORPHAN_MAX_MS = {"redis": 30_000, "kafka": 45_000}
# And where nobody was killed.
GRACEFUL_ORPHAN_MAX_MS = 5_000


def main():
    image = os.environ["IMAGE"].split(",")
    wanted = (os.environ.get("PHASES") or "trial,redis,kafka").split(",")
    report = []
    check_objects(report)
    if "trial" in wanted:
        trial(image, report)
    node = node_address()
    host, local = machine.address_for(node), os.environ.get("LOCAL_NODE") == "1"
    if "redis" in wanted:
        with Volumes(5, local) as volumes, machine.Redis(host) as redis:
            on_a_feed(image, redis, report, volumes)
    if "kafka" in wanted:
        with machine.Kafka(host) as kafka:
            on_a_feed(image, kafka, report)
    print("\n| feed | what was done | took | gap, last order of the old owner to first of the new | longest maker |")
    print("| --- | --- | --- | --- | --- |")
    for row in report:
        print(f"| {' | '.join(row)} |")


def say(text):
    print(f"== {time.strftime('%H:%M:%S')} {text}", flush=True)


def node_address():
    nodes = json.loads(run("kubectl", "get", "nodes", "-o", "json"))["items"]
    return next(one["address"] for one in nodes[0]["status"]["addresses"] if one["type"] == "InternalIP")


def check_objects(report):
    """The API server itself takes every object of every ci file, under admission."""
    say("server-side apply, dry")
    monitoring = kube.ROOT / "tests/chart/monitoring-values.yaml"
    kinds = run("kubectl", "api-resources", "--api-group=monitoring.coreos.com", "-o", "name")
    with Namespace("st-objects") as space:
        for file in sorted((kube.CHART / "ci").glob("*-values.yaml")):
            more = ["--values", monitoring] if "prometheusrules" in kinds else []
            objects = space.helm("template", "t", kube.CHART, "--values", file, *more)
            # A pod wants its account to be there, dry or not.
            for name in set(re.findall(r"serviceAccountName: (\S+)", objects)):
                space.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
            words = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"]
            code, said = space.kubectl(*words, given=objects, may_fail=True)
            if code or "would violate PodSecurity" in said:
                raise Failed(f"{file.name}: {said}")
            print(f"   {file.name}: {said.count('serverside-applied')} objects")
    if not kinds:
        print("skipped: ServiceMonitor and PrometheusRule, which this cluster does not know")


def trial(image, report):
    """What a stranger does first."""
    say("trial install")
    with Namespace("st-trial") as space:
        # Helm 4 here, helm 3 for the fleets.
        space.helm_binary = os.environ.get("HELM4", kube.HELM)
        repository, tag = image[0].rsplit(":", 1)
        began = time.monotonic()
        space.install("t", {"trial": {"enabled": True}, "image": {"repository": repository, "tag": tag}})

        def pairs():
            text = space.ask("services", "t-self-trader-venue", "http", "/venue/totals")
            totals = json.loads(text)["symbols"] if text else {}
            return all(totals.get(name, {}).get("trades", 0) > 0 for name in ("BTCUSDT", "ETHUSDT"))

        until("a trial shows pairs", pairs, TRIAL_WITHIN - (time.monotonic() - began))
        took = time.monotonic() - began
        space.helm("test", "t", "--timeout", "60s")
        space.helm("uninstall", "t", "--wait")
        report.append(("synthetic", "trial install, until both symbols have pairs", f"{took:.1f} s", "", ""))


def on_a_feed(image, server, report, volumes=None):
    persistence = volumes.values if volumes else None
    with Namespace(f"st-{server.scheme}") as space:
        fleet = Fleet(space, image, server, SYMBOLS, persistence)
        fleet.install_judge()
        with machine.Publisher(server, SYMBOLS) as publisher:
            Phases(fleet, publisher, report).all()
        if volumes:
            judge_labels(fleet.trades(), volumes.labels(), report)


def judge_labels(trades, volumes, report):
    """Every process of this run ended in order: each trade has exactly one label, on one of the volumes."""
    if not volumes:
        print("skipped: labels lie on volumes that this machine does not see")
        return
    labels = [label for volume in volumes for label in volume]
    alone = unlabelled(trades, labels)
    print(f"   {len(trades)} trades, {len(labels)} labels on {len(volumes)} volumes, {len(alone)} trades without exactly one")
    if alone or not trades:
        raise Failed(f"{len(alone)} of {len(trades)} trades do not join exactly one label: {alone[:2]}")
    report.append(("redis", f"{len(trades)} trades join exactly one label each", "", "", ""))


class Phases:
    """What is done to a fleet, one after another; after each the ledger is judged."""

    def __init__(self, fleet, publisher, report):
        self.fleet, self.space, self.report = fleet, fleet.space, report
        self.publisher = publisher
        self.scheme = fleet.server.scheme
        self.orphan_max = ORPHAN_MAX_MS[self.scheme]

    def all(self):
        fleet = self.fleet
        self.phase("install of 3 pods", fleet.install)
        self.space.helm("test", RELEASE, "--timeout", "60s")
        self.phase("scale 3 -> 5", lambda: fleet.upgrade(replicaCount=5))
        self.phase("scale 5 -> 2", lambda: fleet.upgrade(replicaCount=2))
        self.phase("scale 2 -> 3", lambda: fleet.upgrade(replicaCount=3))
        self.phase("rolling upgrade", lambda: fleet.upgrade(**fleet.picture(1), podAnnotations={"release": "next"}))
        self.phase("rollback", self.rollback)
        self.phase("pod deleted by force", self.delete_by_force, killed=True)
        self.phase("two evictions, the second refused", self.evict_two)
        self.phase(f"feed frozen for {FROZEN_S} s", self.freeze, killed=True)
        if self.scheme == "redis":
            self.phase("a pod beyond the shards", self.one_too_many)
        self.refuse_another_proof()
        self.uninstall()

    def phase(self, what, act, killed=False):
        """Does it, waits until every symbol is traded by the one owner that claims it, and judges."""
        say(f"{self.scheme}: {what}")
        began, clock = self.fleet.now(), time.monotonic()
        took = act() or time.monotonic() - clock
        owners = self.fleet.trades_everywhere(self.fleet.now())
        ledger = self.fleet.read()
        self.judge(ledger)
        gaps, longest = ledger.gaps(began), ledger.longest_maker(began)
        bound = self.orphan_max if killed else GRACEFUL_ORPHAN_MAX_MS
        if longest > bound:
            raise Failed(f"a maker rested for {longest} ms (at most {bound})")
        shares = {}
        for pod, _ in owners.values():
            shares[pod] = shares.get(pod, 0) + 1
        print(f"   took {took:.1f} s; gap {spread(gaps)}; longest maker {longest} ms; symbols {sorted(shares.values())}")
        self.report.append((self.scheme, what, f"{took:.1f} s", spread(gaps), f"{longest} ms"))

    def judge(self, ledger):
        restarted = [name for name, pod in self.space.pods(RELEASE).items() if restarts(pod)]
        if restarted:
            raise Failed(f"containers were restarted in {restarted}")
        overlaps = ledger.overlaps()
        if overlaps:
            raise Failed(f"{len(overlaps)} overlaps: {overlaps[:3]}")

    def rollback(self):
        began = time.monotonic()
        self.space.helm("rollback", RELEASE, "--wait", "--timeout", "180s", patience=200)
        return time.monotonic() - began

    def delete_by_force(self):
        """The object goes at once, the container a little later: in between it must say nothing new."""
        pod = f"{POD}-1"
        uid = self.uid(pod)
        owned = set(self.fleet.owned_by(pod).items())
        if not owned:
            raise Failed(f"{pod} owns nothing")
        with tempfile.NamedTemporaryFile("w+") as log:
            following = self.fleet.follow_log(pod, log)
            # Its stream is there when its first line is.
            until("the pod's log is followed", lambda: os.path.getsize(log.name) > 0, 10)
            began = time.monotonic()
            self.space.kubectl("delete", "pod", pod, "--force", "--grace-period=0")
            took = time.monotonic() - began
            until("the log says that it stops", lambda: fleets.stopped_at(open(log.name).read()), 15)
            stopped = fleets.stopped_at(open(log.name).read())
            following.terminate()
            following.wait()

        self.wait_until_back(pod, uid)
        late = self.fleet.read().placed_after(owned, stopped)
        print(f"   orders of the old container after SIGTERM: {len(late)}, latest {max(late, default=0)} ms")
        if late and late[-1] > LATE_MAX_MS:
            raise Failed(f"the old container placed an order {late[-1]} ms after SIGTERM (at most {LATE_MAX_MS})")
        return took

    def uid(self, pod):
        return self.space.pods(RELEASE)[pod]["metadata"]["uid"]

    def wait_until_back(self, pod, old):
        """Until another pod of that name is ready, and all the others are."""

        def back():
            pods = self.space.pods(RELEASE)
            fresh = pod in pods and pods[pod]["metadata"]["uid"] != old
            return fresh and len(pods) == 3 and all(map(is_ready, pods.values()))

        until("the pod is back", back)

    def evict_two(self):
        began = time.monotonic()
        evicted = self.uid(f"{POD}-0")
        granted, said = self.space.evict(f"{POD}-0")
        if not granted:
            raise Failed(f"the first eviction was refused: {said}")
        granted, said = self.space.evict(f"{POD}-1")
        if granted or "disruption budget" not in said:
            raise Failed(f"the second eviction was not held back by the budget: {said}")
        print(f"   the second: {said.strip().splitlines()[-1][:150]}")
        self.wait_until_back(f"{POD}-0", evicted)
        return time.monotonic() - began

    def freeze(self):
        """Nobody can prove anything, so nobody trades; no pod is restarted or taken out for it."""
        with self.fleet.server.frozen():
            deadline = time.monotonic() + FROZEN_S
            while time.monotonic() < deadline:
                pods = self.space.pods(RELEASE)
                unfit = [name for name, pod in pods.items() if not is_ready(pod) or restarts(pod)]
                if unfit or len(pods) != 3:
                    raise Failed(f"an outage of the feed reached the probes of {unfit or list(pods)}")
                time.sleep(1)
        self.publisher.start_again()

    def one_too_many(self):
        """Scaled past the configuration, a pod has no symbols: it is ready, and says so."""
        began = time.monotonic()
        extra = f"{POD}-3"
        self.space.kubectl("scale", f"statefulset/{POD}", "--replicas=4")

        def idle():
            pod = self.space.pods(RELEASE).get(extra)
            said = json.loads(self.space.ask("pods", extra, 9464, "/readyz") or "{}") if pod and is_ready(pod) else {}
            return said.get("idle")

        print(f"   {extra}: {until('the pod says that it is idle', idle)}")
        self.space.kubectl("scale", f"statefulset/{POD}", "--replicas=3")
        until("three pods are left", lambda: len(self.space.pods(RELEASE)) == 3)
        return time.monotonic() - began

    def refuse_another_proof(self):
        """Pods that own by another proof, or by none, would trade beside those that run."""
        say(f"{self.scheme}: a change of sharding while pods run")
        alone = {"replicaCount": 1, "sharding": {"mode": "alone"}, "config": {**self.fleet.values["config"]}}
        alone["config"]["Feed"] = "synthetic:1"
        try:
            self.space.install(RELEASE, {**self.fleet.values, **alone}, "upgrade")
        except Failed as refused:
            if "would trade beside" not in str(refused):
                raise
        else:
            raise Failed("a change of sharding was taken while pods run")

    def uninstall(self):
        say(f"{self.scheme}: uninstall")
        began = time.monotonic()
        self.space.helm("uninstall", RELEASE, "--wait", "--timeout", "60s")
        label = f"app.kubernetes.io/instance={RELEASE}"
        until("the pods are gone", lambda: not self.space.get("pods", "-l", label)["items"])
        ledger = self.fleet.read()
        self.judge(ledger)
        totals = self.fleet.totals()
        if totals["open_orders"] or ledger.open():
            raise Failed(f"{totals['open_orders']} orders are open after the end")
        print(f"   {totals['orders']} orders, {totals['trades']} trades, 0 open, no overlap in {len(ledger.owners())} symbols")
        self.report.append((self.scheme, "uninstall: 0 open orders", f"{time.monotonic() - began:.1f} s", "", ""))


def is_ready(pod):
    conditions = pod["status"].get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def restarts(pod):
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", []))


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        print(f"FAILED: {failure}", file=sys.stderr)
        sys.exit(1)
