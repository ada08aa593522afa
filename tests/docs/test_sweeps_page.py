"""The page on sweeps is true: its sessions print what it shows, and its spec is that of the example."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ftctl.local.azure import Azure, Settings
from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/sweeps.md"
PACE = 20_000.0


@pytest.fixture
def project(tmp_path):
    """A copy of the example, with a local Azure of its own that works fast."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "examples/sweep", folder / "examples/sweep")
    local = folder / ".ftctl/local"
    local.mkdir(parents=True)
    Azure(local, settings=Settings(pace=PACE)).close()
    yield folder
    subprocess.run([sys.executable, "-m", "ftctl", "local", "down"], cwd=folder, check=False)


def test_the_sessions_print_what_the_page_shows(project, tmp_path):
    scratch = tmp_path / "said"
    scratch.mkdir()
    page = PAGE.read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    ran = run([step.command for step in shown], project, scratch, timeout=100)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert [step.command for step in ran if not step.output.strip()] == []
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")


def test_the_spec_of_the_page_is_that_of_the_example():
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    example = yaml.safe_load((ROOT / "examples/sweep/museum-desk.yaml").read_text("utf-8"))
    job = {key: value for key, value in example["jobs"]["desk"].items() if key != "gates"}
    assert yaml.safe_load(shown)["jobs"] == {"desk": job}
