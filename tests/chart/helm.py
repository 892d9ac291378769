"""Helm as the tests call it: both versions, values as Python, objects back.

HELM names the helm binaries, separated by colons; scripts/test-chart sets it.
"""

import json
import os
import pathlib
import subprocess
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/self-trader"
CI = sorted((CHART / "ci").glob("*-values.yaml"))
MONITORING = pathlib.Path(__file__).with_name("monitoring-values.yaml")
HELMS = os.environ.get("HELM", "helm").split(":")
NAMESPACE = "prod"


class Refused(Exception):
    """What helm said instead of objects."""


def run(helm, *arguments):
    done = subprocess.run([helm, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Refused(done.stdout + done.stderr)
    return done.stdout


def template(files=(), values=None, helm=HELMS[0], more=()):
    """The objects that values files and values, given as a dict, render to."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as extra:
        json.dump(values or {}, extra)
        extra.flush()
        chosen = [word for file in [*files, extra.name] for word in ("--values", file)]
        text = run(helm, "template", "t", CHART, "--namespace", NAMESPACE, *chosen, *more)
    return [one for one in yaml.safe_load_all(text) if one]


def only(objects, kind, name_end=""):
    """The one object of that kind whose name ends so."""
    found = [one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(name_end)]
    assert len(found) == 1, f"{len(found)} of {kind} {name_end}"
    return found[0]


def config(objects):
    """The program's configuration among the objects."""
    maps = [one for one in objects if one["kind"] == "ConfigMap" and "config.json" in one["data"]]
    assert len(maps) == 1
    return json.loads(maps[0]["data"]["config.json"])


def instrument(symbol="BTCUSDT", **more):
    """An instrument that needs nothing."""
    return {
        "Maker Exchange": "simulated", "Follow Exchange": "synthetic", "Follow Symbol": symbol,
        "Maker Symbol": symbol, "Term type": "SPOT", "Price Decimals": 2, "Qty Decimals": 6, "Interval": 0,
        "Qty Multiplier": 1, "Price Divergence": 0.01, "Max Amt Per Order": 1000, **more,
    }  # fmt: skip


def values(**more):
    """The least values that render, with more on top."""
    return {"config": {"Feed": "synthetic:1", "instruments": [instrument()]}, **more}
