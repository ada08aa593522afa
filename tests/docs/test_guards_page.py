"""The page on guards is true: its sessions print what it shows, and its examples are what they say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ftctl.core.codes import CODES
from ftctl.core.guard import GUARDS
from ftctl.local.azure import Azure, Settings
from ftctl.policies.rules import load, scopes, variables
from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/guards.md"


@pytest.fixture
def project(tmp_path):
    """A copy of the project's specs and policies, with a local Azure of its own that works fast."""
    shutil.copytree(ROOT / "specs", tmp_path / "project/specs")
    shutil.copytree(ROOT / "examples/policies", tmp_path / "project/policies")
    local = tmp_path / "project/.ftctl/local"
    local.mkdir(parents=True)
    Azure(local, settings=Settings(pace=100_000)).close()
    yield tmp_path / "project"
    subprocess.run([sys.executable, "-m", "ftctl", "local", "down"], cwd=tmp_path / "project", check=False)


def test_the_sessions_print_what_the_page_shows(project, tmp_path):
    scratch = tmp_path / "said"
    scratch.mkdir()
    page = PAGE.read_text("utf-8")
    ran = run([step.command for block in blocks(page) for step in block], project, scratch, timeout=100)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")


def test_the_rule_of_the_page_is_one(tmp_path):
    (rule,) = re.findall(r"^```yaml\n(policies:.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (tmp_path / "page.yaml").write_text(rule, "utf-8")
    (found,) = load([tmp_path])
    assert (found.name, found.scope, found.at, found.severity) == ("keyless", "account", "localAuth", "error")


def test_the_page_has_every_guard_scope_and_variable():
    page = PAGE.read_text("utf-8")
    told = set(re.findall(r"FT\d{4}", page))
    assert GUARDS <= told <= CODES.keys()
    for name in {*scopes(), *(name for scope in scopes() for name in variables(scope))}:
        assert f"`{name}`" in page
