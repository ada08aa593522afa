"""Command lines run in this process, in a folder of their own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftctl.cli.root import run
from ftctl.embedded import local_folder
from ftctl.local.azure import Azure, Settings

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def golden():
    """Compare with the kept file; FTCTL_GOLDEN=write keeps what is there now."""

    def compare(name, text):
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("FTCTL_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, far from any other; its local Azure trains in no time."""
    (tmp_path / ".ftctl").mkdir()
    monkeypatch.chdir(tmp_path)
    pipelines = ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD", "FTCTL_APPROVED_BY")  # what is applied says who did
    for name in ("FTCTL_LOCAL_DIR", "FTCTL_DEBUG", "NO_COLOR", "FORCE_COLOR", *pipelines):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    Azure(local_folder(), settings=Settings(pace=100_000)).close()
    return tmp_path


@pytest.fixture
def ftctl(project, capsys):
    def command(*arguments):
        code = run(arguments)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return command
