"""Builds the dashboards of the chart; `--check` compares them with what is committed instead."""

import json
import sys
from pathlib import Path

from fleet import fleet
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from instrument import instrument

FOLDER = Path(__file__).resolve().parents[2] / "helm/self-trader/dashboards"


def text_of(board: Dashboard) -> str:
    """The dashboard as it is shipped: the same text on every machine."""
    for place, panel in enumerate(board.panels or []):
        panel.id_val = place + 1
    text = json.dumps(board, cls=JSONEncoder, indent=2, sort_keys=True)
    again = json.dumps(Dashboard.from_json(json.loads(text)), cls=JSONEncoder, indent=2, sort_keys=True)
    if again != text:
        raise SystemExit(f"{board.title}: what is written reads as something else")
    return text + "\n"


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        print("usage: scripts/dashboards [--check]", file=sys.stderr)
        return 2
    boards = {"fleet.json": text_of(fleet()), "instrument.json": text_of(instrument())}
    FOLDER.mkdir(parents=True, exist_ok=True)
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    if not check:
        for name, text in boards.items():
            (FOLDER / name).write_text(text)
        return 0
    differ = sorted(name for name in boards.keys() | committed.keys() if boards.get(name) != committed.get(name))
    for name in differ:
        print(f"{name} is not what scripts/grafana builds; run scripts/dashboards", file=sys.stderr)
    return 1 if differ else 0


if __name__ == "__main__":
    raise SystemExit(main())
