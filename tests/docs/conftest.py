"""What the tests of pages share: a project to run their sessions in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ftctl.local.azure import Azure, Settings

PACE = 20_000.0


@pytest.fixture
def project(tmp_path):
    """A copy of the project's specs, with a local Azure of its own that works fast."""
    shutil.copytree(Path(__file__).parents[2] / "specs", tmp_path / "project/specs")
    local = tmp_path / "project/.ftctl/local"
    local.mkdir(parents=True)
    Azure(local, settings=Settings(pace=PACE)).close()
    yield tmp_path / "project"
    subprocess.run([sys.executable, "-m", "ftctl", "local", "down"], cwd=tmp_path / "project", check=False)
