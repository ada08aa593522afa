"""docs/plans.md is true where it speaks of reasons, of noise and of what is left alone."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ftctl.core.noise import Noise
from ftctl.core.why import Source
from ftctl.request import Request
from ftctl.workflow import read
from tests.flow.conftest import SPEC

PAGE = (Path(__file__).parents[2] / "docs/plans.md").read_text("utf-8")
GOLDEN = Path(__file__).parents[1] / "cli/golden"


def test_every_source_and_every_rule_has_a_row():
    rows = set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))
    assert {one.value for one in (*Source, *Noise)} <= rows


def test_what_it_shows_is_what_the_command_line_printed():
    said = "".join((GOLDEN / f"plan-{name}.txt").read_text("utf-8") for name in ("why", "suppressed"))
    shown = re.findall(r"```text\n((?:  \+|Hidden).*?)```", PAGE, re.DOTALL)
    assert len(shown) == 2
    for block in shown:
        missing = [line for line in block.splitlines() if line not in said.splitlines()]
        assert missing == []


def test_its_example_is_valid(tmp_path):
    (block,) = re.findall(r"```yaml\n(.*?ignoreDrift.*?)```", PAGE, re.DOTALL)
    spec = {name: value for name, value in SPEC.items() if name != "deployments"} | yaml.safe_load(block)
    (tmp_path / "stack.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    (stack,) = read(Request((tmp_path / "stack.yaml",)))
    assert [one.spec.ignore_drift for one in stack.resources if hasattr(one.spec, "ignore_drift")] == [
        ("tags.owner",), ("capacity",),
    ]  # fmt: skip
