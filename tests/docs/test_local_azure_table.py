"""docs/local-azure.md names every operation of the local Azure in one row of its tables."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ftctl import local
from ftctl.local.wire import ROUTES

PAGE = Path(__file__).parents[2] / "docs" / "local-azure.md"
METHODS = "GET|HEAD|PUT|PATCH|POST|DELETE"
ROW = re.compile(rf"\| `(?P<method>{METHODS})(?: (?P<path>/[^`]+))?`(?: (?P<only>dated|v1) only)? \|")
ONLY = {"dated": slice(0, 1), "v1": slice(1, 2), None: slice(None)}


def registered() -> set[tuple[str, str]]:
    for module in pkgutil.iter_modules(local.__path__, "ftctl.local."):
        if not module.name.endswith("._grader_child"):  # a program of its own
            importlib.import_module(module.name)
    return {(one.method, one.pattern.replace(":path}", "}")) for one in ROUTES}


def named(page: str) -> Iterator[tuple[str, str]]:
    """The operations of the rows, each with the beginnings that the text over its table gives."""
    starts = [""]
    for line in page.splitlines():
        if line.startswith(("### ", "/")):  # a heading, or what the paths below it begin with
            starts = [line.strip("# ") if line.startswith("/") else ""]
        elif line.startswith("Paths begin with "):
            starts = re.findall(r"`(/[^`?]*)`", line) or starts
        elif row := ROW.match(line):
            yield from ((row["method"], start + (row["path"] or "")) for start in starts[ONLY[row["only"]]])


def test_every_operation_has_one_row_and_every_row_an_operation():
    rows = Counter(named(PAGE.read_text("utf-8")))
    assert sorted(registered() - rows.keys()) == []
    assert sorted(rows.keys() - registered()) == []
    assert [one for one, times in rows.items() if times > 1] == []


def test_every_row_says_what_it_rests_on():
    tables = PAGE.read_text("utf-8").partition("## What it answers")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in tables.splitlines() if line[:1] == "|"]
    words = re.compile(r"recorded|specified|documented|reported|assumed|the same|rests on|---")
    assert [row for row in rows if len(row) != 4 or not all(row) or not words.search(row[2])] == []


@pytest.mark.parametrize("line", ["| `GET /nothing` | x | assumed | – |", "| `GET /me` | x | assumed | – |"])
def test_a_row_too_many_is_seen(line):
    page = PAGE.read_text("utf-8").replace("| `GET /me` ", f"{line}\n| `GET /me` ", 1)
    rows = Counter(named(page))
    assert rows.keys() - registered() or max(rows.values()) > 1
