"""The page on training data is true: its sessions print what it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/data.md"


def test_the_sessions_print_what_the_page_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    scratch = tmp_path / "said"
    scratch.mkdir()
    page = PAGE.read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    ran = run([step.command for step in shown], tmp_path, scratch, timeout=60)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")
    assert len(shown) == len(ran) > 3
