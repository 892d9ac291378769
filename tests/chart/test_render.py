"""What values render to, with helm 3 and helm 4."""

import copy
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

import helm
import kubernetes_validate
import schema
import yaml

KUBERNETES = ["1.29", "1.33", "1.36"]
OPERATOR = {"ServiceMonitor", "PrometheusRule"}
CLAIM = pathlib.Path(__file__).with_name("claim.golden.json")
UPDATE = "UPDATE_GOLDEN" in os.environ


def pods(objects):
    """Every pod or template of pods, by its object's name."""
    for one in objects:
        if one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]
        elif one["kind"] in ("StatefulSet", "Deployment"):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]


class Schema(unittest.TestCase):
    def test_the_schema_of_config_is_the_programs(self):
        if UPDATE:
            schema.CHART.write_text(schema.fresh())
        same = schema.CHART.read_text() == schema.fresh()
        self.assertTrue(same, "values.schema.json is stale; UPDATE_GOLDEN=1 scripts/test-chart writes it anew")

    def test_no_object_of_the_schema_takes_unknown_names(self):
        free = {"global", "podSecurityContext", "affinity"}

        def closed(form, place):
            if isinstance(form, list):
                for inner in form:
                    closed(inner, place)
            elif isinstance(form, dict):
                if "properties" in form and form.get("type") == "object":
                    self.assertIs(form.get("additionalProperties"), False, place)
                for name, inner in form.items():
                    if name not in free:
                        closed(inner, f"{place}/{name}")

        closed(json.loads(schema.CHART.read_text()), "")

    def test_the_schema_has_every_value_and_no_other(self):
        form = json.loads(schema.CHART.read_text())
        values = yaml.safe_load((helm.CHART / "values.yaml").read_text())
        self.assertEqual(set(values), set(form["properties"]) - {"global"})
        for name in ("image", "sharding", "alerts", "reaper", "networkPolicy", "persistence", "trial", "probes", "dashboards", "prometheusRule"):
            self.assertEqual(set(values[name]), set(form["properties"][name]["properties"]), name)


class Every(unittest.TestCase):
    """Each file of ci/, with each helm."""

    def test_lint(self):
        for binary in helm.HELMS:
            helm.run(binary, "lint", "--strict", helm.CHART)
            for file in [*helm.CI, None]:
                with self.subTest(file=file, helm=binary):
                    chosen = [file] if file else [helm.CHART / "ci/trial-values.yaml", helm.MONITORING]
                    words = [word for one in chosen for word in ("--values", one)]
                    helm.run(binary, "lint", "--strict", helm.CHART, *words)

    def test_kubernetes_knows_every_field(self):
        for file in helm.CI:
            for binary in helm.HELMS:
                for one in helm.template([file], helm=binary):
                    for version in KUBERNETES:
                        name = f"{file.name} {one['kind']}/{one['metadata']['name']} {version}"
                        with self.subTest(name):
                            kubernetes_validate.validate(one, version, strict=True)

    def test_a_field_that_does_not_exist_is_found(self):
        objects = helm.template([helm.CI[0]])
        broken = copy.deepcopy(helm.only(objects, "StatefulSet"))
        broken["spec"]["template"]["spec"]["containers"][0]["argz"] = []
        with self.assertRaises(Exception):
            kubernetes_validate.validate(broken, KUBERNETES[0], strict=True)

    def test_both_helms_render_the_same(self):
        for file in helm.CI:
            first, *others = (helm.template([file], helm=binary) for binary in helm.HELMS)

            def key(one):
                return one["kind"], one["metadata"]["name"]

            for other in others:
                self.assertEqual(sorted(first, key=key), sorted(other, key=key), file.name)

    def test_pods_are_restricted(self):
        for file in helm.CI:
            for name, spec in pods(helm.template([file])):
                with self.subTest(f"{file.name} {name}"):
                    security = spec["securityContext"]
                    self.assertTrue(security["runAsNonRoot"] and security["runAsUser"] > 0)
                    self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
                    self.assertIs(spec["automountServiceAccountToken"], False)
                    self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(spec))
                    for container in spec["containers"]:
                        inner = container["securityContext"]
                        self.assertIs(inner["allowPrivilegeEscalation"], False)
                        self.assertIs(inner["readOnlyRootFilesystem"], True)
                        self.assertEqual(inner["capabilities"], {"drop": ["ALL"]})
                        self.assertIn("memory", container["resources"]["limits"])
                        self.assertNotIn("lifecycle", container)
                        self.assertNotIn("command", container)

    def test_the_program_takes_every_configuration(self):
        binary = os.environ.get("SELF_TRADER_BINARY")
        if not binary:
            self.skipTest("SELF_TRADER_BINARY names no program")
        for file in helm.CI:
            with self.subTest(file.name), tempfile.NamedTemporaryFile("w", suffix=".json") as config:
                json.dump(helm.config(helm.template([file])), config)
                config.flush()
                done = subprocess.run([binary, "check", config.name], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("0 warnings", done.stdout)


class Trader(unittest.TestCase):
    def test_shards_follow_the_replicas(self):
        redis = helm.values()
        redis["config"]["Feed"] = "redis://redis:6379"
        redis["networkPolicy"] = {"enabled": False}
        kafka = copy.deepcopy(redis)
        kafka["config"]["Feed"] = "kafka://k:9092/t?group=g"
        for values, more, wanted in [
            (redis, {}, ("alone", 1)),
            (redis, {"replicaCount": 3}, ("static", 3)),
            (redis, {"replicaCount": 5}, ("static", 5)),
            (redis, {"replicaCount": 1, "sharding": {"mode": "static"}}, ("static", 1)),
            (kafka, {"replicaCount": 3, "sharding": {"mode": "group"}}, ("group", 3)),
            (kafka, {"replicaCount": 3, "sharding": {"mode": "group", "maxReplicas": 8}}, ("group", 8)),
        ]:
            config = helm.config(helm.template(values={**values, **more}))
            self.assertEqual((config["Sharding"], config["Shards"]), wanted)

    def test_a_changed_configuration_rolls_the_pods_and_nothing_else_does(self):
        def checksum(**more):
            spec = helm.only(helm.template(values=helm.values(**more)), "StatefulSet")["spec"]["template"]
            return spec["metadata"]["annotations"]["checksum/config"], spec

        first, _ = checksum()
        changed = {"Feed": "synthetic:2", "instruments": [helm.instrument()]}
        self.assertNotEqual(checksum(config=changed)[0], first)
        self.assertEqual(checksum(podDisruptionBudget={"maxUnavailable": 2})[0], first)
        self.assertEqual(checksum(serviceMonitor={"enabled": True})[1], checksum()[1])

    def test_defaults_lie_under_each_instrument(self):
        whole = helm.instrument()
        symbol = {key: whole.pop(key) for key in ("Follow Symbol", "Maker Symbol")}
        whole.update({"Interval": 0.5, "API KEY": {"env": "A"}})
        own = {**symbol, "Interval": 0, "API KEY": {"file": "/run/secrets/self-trader/b"}}
        secrets = [{"name": "s", "key": "k", "env": "A"}, {"name": "s", "key": "k", "file": "b"}]
        config = {"Feed": "synthetic:1", "instrumentDefaults": whole, "instruments": [own, symbol]}
        rendered = helm.config(helm.template(values={"config": config, "secrets": secrets}))
        self.assertEqual(rendered["instruments"], [{**whole, **own}, {**whole, **symbol}])
        self.assertNotIn("instrumentDefaults", rendered)

    def test_the_pod(self):
        objects = helm.template(values=helm.values())
        spec = helm.only(objects, "StatefulSet")["spec"]
        self.assertEqual(spec["podManagementPolicy"], "Parallel")
        pod = spec["template"]["spec"]
        self.assertGreater(pod["terminationGracePeriodSeconds"], 10)
        container = pod["containers"][0]
        probes = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
        self.assertEqual(probes, {"startup": "/startupz", "liveness": "/livez", "readiness": "/readyz"})
        environment = {one["name"]: one for one in container["env"]}
        self.assertEqual(environment["POD_NAME"]["valueFrom"]["fieldRef"]["fieldPath"], "metadata.name")
        service = helm.only(objects, "Service")["spec"]
        self.assertEqual((service["clusterIP"], service["publishNotReadyAddresses"]), ("None", True))
        self.assertEqual(service["selector"], spec["selector"]["matchLabels"])
        budget = helm.only(objects, "PodDisruptionBudget")["spec"]
        self.assertEqual(budget["unhealthyPodEvictionPolicy"], "AlwaysAllow")
        self.assertEqual(budget["selector"]["matchLabels"], spec["selector"]["matchLabels"])
        self.assertLessEqual(spec["selector"]["matchLabels"].items(), spec["template"]["metadata"]["labels"].items())

    def test_the_proof_of_ownership_is_noted(self):
        """An upgrade that changes it is refused while pods run."""

        def proof(**more):
            values = helm.values(networkPolicy={"enabled": False}, **more)
            values["config"]["Feed"] = values.pop("feed")
            annotations = helm.only(helm.template(values=values), "StatefulSet")["metadata"]["annotations"]
            return annotations["self-trader/proof"]

        redis, kafka = "redis://a:1", "kafka://a:1/t?group=g"
        self.assertEqual(proof(feed=redis), "none")
        self.assertEqual(proof(feed=redis, sharding={"mode": "static"}), "none")
        self.assertEqual(proof(feed=kafka, sharding={"mode": "group"}), "group")
        three = proof(feed=redis, replicaCount=3)
        self.assertTrue(three.startswith("leases-"))
        self.assertEqual(proof(feed=redis, replicaCount=5), three)
        self.assertNotEqual(proof(feed="redis://b:1", replicaCount=3), three)

    def test_the_claims_keep_their_first_shape(self):
        """A StatefulSet refuses an upgrade that changes them."""
        spec = helm.only(helm.template(values=helm.values()), "StatefulSet")["spec"]
        shape = {key: spec[key] for key in ("serviceName", "selector", "podManagementPolicy", "volumeClaimTemplates")}
        text = json.dumps(shape, indent=2, sort_keys=True) + "\n"
        if UPDATE and not CLAIM.exists():
            CLAIM.write_text(text)
        self.assertEqual(text, CLAIM.read_text())

    def test_without_persistence_there_is_no_claim(self):
        for more in ({"persistence": {"enabled": False}}, {"persistence": {"enabled": True}}):
            objects = helm.template(values=helm.values(**more))
            kept = more["persistence"]["enabled"]
            spec = helm.only(objects, "StatefulSet")["spec"]
            self.assertEqual("volumeClaimTemplates" in spec, kept)
            self.assertEqual("Labels" in helm.config(objects), kept)
            self.assertEqual(helm.config(objects).get("Journal"), "/data/journal" if kept else None)
            volumes = [one["name"] for one in spec["template"]["spec"]["volumes"]]
            self.assertEqual("data" in volumes, not kept)

    def test_a_trial_needs_nothing(self):
        objects = helm.template(values={"trial": {"enabled": True}})
        config = helm.config(objects)
        self.assertTrue(config["Feed"].startswith("synthetic:"))
        self.assertEqual([one["Maker Symbol"] for one in config["instruments"]], ["BTCUSDT", "ETHUSDT"])
        self.assertNotIn("volumeClaimTemplates", helm.only(objects, "StatefulSet")["spec"])
        service = helm.only(objects, "Service", "-venue")
        self.assertEqual(service["metadata"]["labels"]["app.kubernetes.io/component"], "venue")
        self.assertEqual([port["name"] for port in service["spec"]["ports"]], ["http"])
        self.assertIn(service["metadata"]["name"], config["instruments"][0]["Address"])

    def test_names_stay_short(self):
        for one in helm.template(values={"fullnameOverride": "x" * 80, "trial": {"enabled": True}}):
            self.assertLessEqual(len(one["metadata"]["name"]), 63)


class Reaper(unittest.TestCase):
    FLEET = helm.CHART / "ci/static-redis-values.yaml"

    def test_it_runs_by_the_traders_configuration_apart_from_them(self):
        objects = helm.template([self.FLEET])
        spec = helm.only(objects, "Deployment", "-reaper")["spec"]
        trader = helm.only(objects, "StatefulSet")["spec"]["template"]
        pod = spec["template"]["spec"]
        self.assertEqual(spec["replicas"], 1)
        container = pod["containers"][0]
        self.assertEqual(container["args"][:2], ["reap", "/etc/self-trader/config.json"])
        for part in ("env", "image"):
            self.assertEqual(container[part], trader["spec"]["containers"][0][part])
        checksums = [one["metadata"]["annotations"]["checksum/config"] for one in (spec["template"], trader)]
        self.assertEqual(*checksums)
        [term] = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        apart = term["podAffinityTerm"]["labelSelector"]["matchLabels"]
        self.assertLessEqual(apart.items(), trader["metadata"]["labels"].items())
        self.assertFalse(apart.items() <= spec["template"]["metadata"]["labels"].items())

    def test_it_can_be_kept_off_the_traders_nodes_or_left_out(self):
        objects = helm.template([self.FLEET], {"reaper": {"antiAffinity": "required", "olderThan": "8s"}})
        pod = helm.only(objects, "Deployment", "-reaper")["spec"]["template"]["spec"]
        self.assertIn("requiredDuringSchedulingIgnoredDuringExecution", pod["affinity"]["podAntiAffinity"])
        self.assertIn("8s", pod["containers"][0]["args"])
        names = {one["metadata"]["name"] for one in helm.template([self.FLEET], {"reaper": {"enabled": False}})}
        self.assertFalse([name for name in names if "reaper" in name])

    def test_the_embedded_venues_orders_need_none(self):
        self.assertFalse([one for one in helm.template(values=helm.values()) if "reaper" in one["metadata"]["name"]])


class Watching(unittest.TestCase):
    def objects(self, **more):
        return helm.template([helm.CHART / "ci/trial-values.yaml", helm.MONITORING], more)

    def test_a_prometheus_finds_them_by_label(self):
        objects = self.objects()
        for kind in OPERATOR:
            self.assertEqual(helm.only(objects, kind)["metadata"]["labels"]["release"], "prometheus")
        monitor = helm.only(objects, "ServiceMonitor")["spec"]
        labels = helm.only(objects, "Service", "self-trader")["metadata"]["labels"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), labels.items())
        [component] = monitor["selector"]["matchExpressions"]
        found = {
            one["metadata"]["name"]
            for one in objects
            if one["kind"] == "Service" and one["metadata"]["labels"][component["key"]] in component["values"]
        }
        self.assertEqual(found, {"t-self-trader", "t-self-trader-reaper"})

    def test_every_alert_is_a_value_and_can_be_switched_off(self):
        names = set(yaml.safe_load((helm.CHART / "values.yaml").read_text())["alerts"])
        text = (helm.CHART / "rules/alerts.yaml").read_text().replace("alerts.NAME", "")
        self.assertEqual(set(re.findall(r"\balerts\.([a-z][A-Za-z]+)\b", text)), names)

        def alerts(objects):
            groups = helm.only(objects, "PrometheusRule")["spec"]["groups"] or []
            return [rule for group in groups for rule in group.get("rules") or [] if "alert" in rule]

        on = alerts(self.objects())
        self.assertGreaterEqual(len(on), len(names))
        for name in sorted(names):
            fewer = alerts(self.objects(alerts={name: {"enabled": False}}))
            self.assertLess(len(fewer), len(on), name)
        self.assertIn("5s", [rule.get("for") for rule in on])

    def test_dashboards_are_config_maps_with_a_label(self):
        files = sorted(path.name for path in (helm.CHART / "dashboards").glob("*.json"))
        objects = self.objects(dashboards={"enabled": True})
        maps = [one for one in objects if one["metadata"]["labels"].get("grafana_dashboard") == "1"]
        self.assertEqual(sorted(key for one in maps for key in one["data"]), files)
        for one in maps:
            for text in one["data"].values():
                self.assertIn("panels", json.loads(text))


if __name__ == "__main__":
    unittest.main()
