"""Data files for the tests of `ftctl data`."""

from __future__ import annotations

import json
from pathlib import Path

CANARY = "Zanzibar"  # in all texts that must not show


def example(number, answer="Certainly. Please restart it, then tell me what you see.", system="You are the desk."):
    return {
        "messages": [
            {"role": "system", "content": system},
            {
                "role": "user",
                "content": f"{CANARY}: printer number {number} does not start. {'What now? ' * (number % 7)}",
            },
            {"role": "assistant", "content": f"{answer} {'It helps. ' * (number % 3)}{CANARY}."},
        ]
    }


def write(path, rows):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return str(path)


def edit_data():
    path = Path("specs/data/train.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[2]["messages"][-1]["content"] += " Mind the frost."
    rows[5]["messages"][1]["content"] += " And my fern?"
    rows.append(json.loads(Path("specs/data/valid.jsonl").read_text(encoding="utf-8").splitlines()[0]))
    write(path, rows)
    return len(rows)


def keep_last(number):
    """Cut the training file down to its last examples."""
    path = Path("specs/data/train.jsonl")
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[-number:]), encoding="utf-8")
