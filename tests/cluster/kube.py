"""A cluster as the tests use it: kubectl and helm in processes of their own, every wait with a deadline.

Whatever is asked inside the cluster is asked through its API server, so that no cluster needs to route its pods' addresses
to this machine.
"""

import json
import os
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/self-trader"
HELM = os.environ.get("HELM3", "helm")
PATIENCE = 90


class Failed(AssertionError):
    """A condition that never came, or a command that failed."""


def until(what, condition, patience=PATIENCE, pause=0.2):
    """The first value of `condition` that counts as true."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"never happened within {patience} s: {what}")
        time.sleep(pause)


def run(*words, given=None, may_fail=False, patience=PATIENCE):
    """A command's output; with `may_fail` its exit code and all that it said."""
    done = subprocess.run(list(map(str, words)), input=given, capture_output=True, text=True, timeout=patience)
    if may_fail:
        return done.returncode, done.stdout + done.stderr
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, words[:6]))}: {done.stdout}{done.stderr}")
    return done.stdout


class Namespace:
    """A namespace that enforces Pod Security `restricted`; gone with all that is in it when the `with` ends."""

    def __init__(self, name):
        self.name = f"{name}-{os.getpid()}"
        self.helm_binary = HELM

    def __enter__(self):
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}})
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.tell()
            if "KEEP" in os.environ:
                print(f"kept: namespace {self.name}")
                return
        run("kubectl", "delete", "namespace", self.name, "--wait=false", may_fail=True)

    def kubectl(self, *words, **more):
        return run("kubectl", "--namespace", self.name, *words, **more)

    def helm(self, *words, **more):
        return run(self.helm_binary, "--namespace", self.name, *words, **more)

    def apply(self, one):
        self.kubectl("apply", "-f", "-", given=json.dumps(one))

    def secret(self, name, **texts):
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts})

    def get(self, *words):
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def ask(self, kind, name, port, path):
        """What a pod or a Service answers; None where it does not."""
        place = f"/api/v1/namespaces/{self.name}/{kind}/{name}:{port}/proxy{path}"
        code, text = run("kubectl", "get", "--raw", place, may_fail=True)
        return text if code == 0 else None

    def pods(self, release, component="trader"):
        """The pods of a release that are not on their way out, by name."""
        label = f"app.kubernetes.io/instance={release},app.kubernetes.io/component={component}"
        pods = self.get("pods", "-l", label)["items"]
        return {pod["metadata"]["name"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}

    def install(self, release, values, verb="install", patience=180):
        """Installs or upgrades a release and waits until it is ready; gives how long that took, seconds."""
        began = time.monotonic()
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(values, file)
            file.flush()
            words = [verb, release, CHART, "--values", file.name, "--wait", "--timeout", f"{patience}s"]
            self.helm(*words, patience=patience + 30)
        return time.monotonic() - began

    def evict(self, pod):
        """Asks for an eviction as a drain does: whether it was granted, and what was said."""
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": self.name}}
        place = f"/api/v1/namespaces/{self.name}/pods/{pod}/eviction"
        code, said = run("kubectl", "create", "--raw", place, "-f", "-", given=json.dumps(body), may_fail=True)
        return code == 0, said

    def tell(self):
        """What may explain a failure."""
        for words in (["get", "pods", "-o", "wide"], ["get", "events", "--sort-by=.lastTimestamp"]):
            print("\n".join(self.kubectl(*words, may_fail=True)[1].splitlines()[-25:]))
        for pod in self.get("pods").get("items", []):
            name = pod["metadata"]["name"]
            print(f"--- {name}\n{self.kubectl('logs', name, '--tail=15', may_fail=True)[1]}")
