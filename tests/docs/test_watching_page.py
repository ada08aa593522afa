"""The page on watching is true: its sessions print what it shows, its lines are what ftctl writes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ftctl.core.estimate import Span
from ftctl.core.events import Event, Stage, Watched
from ftctl.core.model import Address
from ftctl.core.steps import Op
from ftctl.render import lines
from ftctl.render.look import Look
from ftctl.render.progress import told
from ftctl.render.running import Running, running_lines
from ftctl.spec.schema import load_schema
from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/watching.md"
START = datetime(2026, 6, 1, tzinfo=UTC)
TONE = Watched(
    stage="training",
    step=120,
    steps=300,
    loss=0.81234,
    elapsed=3840.0,
    left=Span(5800, 9000),
    cost=Span.of(12.2),
)


@pytest.fixture
def project(tmp_path):
    """A copy of the project's specs, applied to a local Azure, which from then on takes as long as the real one."""
    home = tmp_path / "project"
    shutil.copytree(ROOT / "specs", home / "specs")
    (home / ".ftctl").mkdir()
    for words in (
        ["local", "settings", "--pace", "20000"],
        ["apply", "--auto-approve"],
        ["local", "settings", "--pace", "1"],
    ):
        subprocess.run([sys.executable, "-m", "ftctl", *words], cwd=home, check=True, capture_output=True, timeout=60)
    return home


def test_the_sessions_print_what_the_page_shows(project, tmp_path):
    scratch = tmp_path / "said"
    scratch.mkdir()
    page = PAGE.read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    ran = run([step.command for step in shown], project, scratch, timeout=60)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")
    assert len(shown) == len(ran) == 5


def test_the_lines_of_json_fit_the_schema():
    (block,) = re.findall(r"^```json\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    validator = Draft202012Validator(load_schema(lines.NAME))
    found = [json.loads(line) for line in block.splitlines()]
    assert [list(validator.iter_errors(one)) for one in found] == [[]] * 4
    assert list(validator.iter_errors(found[0] | {"op": "sing"}))


def test_the_live_lines_and_the_plain_one_are_written_so():
    def going(address, seconds, watched):
        return Running(Address.parse(address), Op.CREATE, now - timedelta(seconds=seconds), now, watched)

    now = START
    steps = [
        going("job/tone", 0, TONE),
        going("job/tone-large", 0, Watched(stage="waiting for GPUs", elapsed=31.0, left=Span(10800, 10900))),
        going("deployment/control", 9, Watched()),
    ]
    ended = Event(now, Stage.DONE, Address("dataset", "train"), Op.CREATE, "file-4b1fe20f4bd1", 3.0)
    live = [told(ended, Look()), *(f"⠹ {line}" for line in running_lines(steps, now, Look(), 90))]
    plain = told(Event(now, Stage.PROGRESS, Address("job", "tone"), Op.CREATE, "", 9.0, TONE), Look())
    found = re.findall(r"^```text\n(.*?)\n```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    assert found == ["\n".join(live), plain]
