"""The page on imports is true: its sessions print what it shows."""

from __future__ import annotations

from pathlib import Path

from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/import.md"


def test_the_sessions_print_what_the_page_shows(project, tmp_path):
    scratch = tmp_path / "said"
    scratch.mkdir()
    page = PAGE.read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    ran = run([step.command for step in shown], project, scratch, timeout=240)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")
    assert len(shown) == len(ran) == 8
