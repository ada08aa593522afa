"""The documentation is true: its sessions are run, its generated pages are fresh, and it leaves nothing out."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ftctl.cli.root import COMMANDS
from ftctl.core.codes import CODES
from ftctl.core.errors import Exit
from ftctl.local.azure import Azure, Settings
from tests.docs import pages
from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE, kept, normal

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/*.md")])
PACE = 20_000.0  # the tour's two trainings take no time; a page is written at the usual pace, for the times people see
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path):
    """A copy of the project's specs, with a local Azure of its own that works fast."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "specs", folder / "specs")
    local = folder / ".ftctl" / "local"
    local.mkdir(parents=True)
    Azure(local, settings=Settings() if WRITE else Settings(pace=PACE)).close()
    yield folder
    ftctl(folder, "local", "down")


def ftctl(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "ftctl", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_tour_prints_what_the_readme_shows(project, tmp_path):
    page = README.read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    scratch = tmp_path / "said"
    scratch.mkdir()
    ran = run([step.command for step in shown], project, scratch, timeout=240 if WRITE else 120)
    if WRITE:
        broken = [
            new for old, new in zip(shown, ran, strict=True) if "error FT" in new.output and "FT" not in old.output
        ]
        assert broken == []  # a page is not written from a tour that went wrong
        README.write_text(rewritten(page, ran), "utf-8")
        return
    for step, real in zip(shown, ran, strict=True):
        assert normal(real.output).strip() == normal(step.output).strip(), f"$ {step.command}"


@pytest.mark.parametrize("name", sorted(pages.PAGES))
def test_generated_pages_are_fresh(name):
    kept(ROOT / "docs" / name, pages.PAGES[name]())


def test_the_spec_in_the_readme_is_valid(project):
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (project / "specs/support-tone.yaml").write_text(example, "utf-8")
    assert ftctl(project, "validate").stdout.startswith("specs/support-tone.yaml: valid. Stack support-tone, ")


def test_the_readme_names_every_command():
    described = set(re.findall(r"^\| `(\w+)", README.read_text("utf-8"), re.MULTILINE))
    assert set(COMMANDS) <= described


def test_the_readme_names_every_exit_code():
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", README.read_text("utf-8"), re.MULTILINE)}
    assert listed == {int(code) for code in Exit}


def test_every_code_has_its_place_on_the_page_of_errors():
    page = (ROOT / "docs/errors.md").read_text("utf-8")
    assert re.findall(r"^### (FT\d{4}):", page, re.MULTILINE) == sorted(CODES)


def test_every_environment_variable_of_ours_is_in_the_readme():
    sources = (path.read_text("utf-8") for path in (ROOT / "ftctl").rglob("*.py"))
    names = {name for source in sources for name in re.findall(r'"(FTCTL_[A-Z_]+)"', source)}
    page = README.read_text("utf-8")
    assert {name for name in names if name not in page} == set()
    assert len(names) > 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = _FENCED.sub("", page.read_text("utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page):
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_are_no_wider_than_people_read(page):
    text = _FENCED.sub("", page.read_text("utf-8"))
    wide = [line for line in text.splitlines() if len(line) > 110 and not line.startswith("|")]
    assert wide == []


def test_make_targets_that_pages_name_are_there():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"\bmake ([a-z]+)`", page.read_text("utf-8"))}
    assert named <= targets
    assert {"demo", "test"} <= named


def test_nothing_points_outside_the_project():
    """Facts name their public source; only a test that compares with real recordings may look beside the project."""
    away = re.compile(r"\b(AZURE|PRODUCT|ARCHITECTURE|DEPENDENCIES|ANCHORS)\.md\b|\bshared/")
    for path in tracked():
        if path.is_relative_to(ROOT / "tests") and path.suffix == ".py":
            continue
        assert not away.search(path.read_text("utf-8", errors="ignore")), path


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    found = [ROOT / name for name in names if name] or list((ROOT / "ftctl").rglob("*.py"))
    return [path for path in found if path.is_file()]
