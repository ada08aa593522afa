"""The page on ownership is true: its sessions print what it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ftctl.local.azure import Azure, Settings
from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

PAGE = Path(__file__).parents[2] / "docs/ownership.md"


@pytest.fixture
def project(tmp_path):
    """The first stack, applied to a local Azure of its own that works fast; its spec is for one session each."""
    folder = tmp_path / "project"
    local = folder / ".ftctl/local"
    local.mkdir(parents=True)
    Azure(local, settings=Settings(pace=100_000.0)).close()
    for words in (["init"], ["apply", "--auto-approve"]):
        subprocess.run([sys.executable, "-m", "ftctl", *words], cwd=folder, check=True, capture_output=True)
    yield folder
    subprocess.run([sys.executable, "-m", "ftctl", "local", "down"], cwd=folder, check=False)


def test_the_sessions_print_what_the_page_shows(project, tmp_path):
    """The first session is a try: the spec is put back after it."""
    scratch = tmp_path / "said"
    scratch.mkdir()
    page, spec = PAGE.read_text("utf-8"), (project / "specs/tone.yaml").read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    first, *others = [step.command for step in shown]
    ran = run([first], project, scratch, timeout=60)
    (project / "specs/tone.yaml").write_text(spec, "utf-8")
    ran += run(others, project, scratch, timeout=100)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert [step.command for step in ran if not step.output.strip()] == []
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")
