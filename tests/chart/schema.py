"""The chart's schema of `config` is the program's own schema of a configuration, but for what the chart itself decides.

`UPDATE_GOLDEN=1` writes it anew.
"""

import copy
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "schemas/json/config.schema.json"
CHART = ROOT / "helm/self-trader/values.schema.json"

# The chart sets these itself.
OWN = ["Admin Address", "Labels", "Journal", "Sharding", "Shards", "instruments"]
# Faults of these are found by the templates, which do not print the text: a pattern's message would.
URLS = ["Feed", "Lease Store"]
SECRETS = ["API KEY", "Secret", "Passphrase"]


def reference():
    """A reference to a secret; never its text."""
    place = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"env": place, "file": place},
        "minProperties": 1,
        "maxProperties": 1,
    }


def lengths(form):
    """Go's patterns count to 1,000 only: a longer line is told by its length."""
    if isinstance(form, dict):
        if form.get("pattern") == "^.{1,4096}$":
            del form["pattern"]
            form.update(minLength=1, maxLength=4096)
        for inner in form.values():
            lengths(inner)


def expected(chart, program):
    """The chart's schema with the parts that follow from the program's."""
    chart, program = copy.deepcopy(chart), copy.deepcopy(program)
    lengths(program)
    defs = program["$defs"]
    process, instrument = defs.pop("Process"), defs.pop("Instrument")
    defs.pop("Instruments")
    instrument.pop("required", None)
    for key in SECRETS:
        instrument["properties"][key] = {"$ref": "#/$defs/secretRef"}
    config = {key: form for key, form in process["properties"].items() if key not in OWN}
    for key in URLS:
        if key in config:
            config[key] = {**reference(), "type": ["string", "object"], "minProperties": 0}
    if "Kafka Options" in config:
        kinds = {"type": ["string", "number", "boolean", "object"]}
        config["Kafka Options"] = {"type": "object", "additionalProperties": kinds}
    config["instrumentDefaults"] = {"$ref": "#/$defs/instrument"}
    config["instruments"] = {"type": "array", "maxItems": 10000, "items": {"$ref": "#/$defs/instrument"}}
    chart["$defs"].update(defs, instrument=instrument, secretRef=reference())
    chart["properties"]["config"] = {"type": "object", "additionalProperties": False, "properties": config}
    return chart


def text(schema):
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def fresh():
    return text(expected(json.loads(CHART.read_text()), json.loads(PROGRAM.read_text())))
