"""The page on cost is true: its sessions print what it shows, and its price book is one."""

from __future__ import annotations

import re
from pathlib import Path

from ftctl.catalog.prices import hosting_price, training_price
from tests.docs.sessions import blocks, rewritten, run
from tests.golden import WRITE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/cost.md"


def test_the_sessions_print_what_the_page_shows(project, tmp_path):
    scratch = tmp_path / "said"
    scratch.mkdir()
    page = PAGE.read_text("utf-8")
    shown = [step for block in blocks(page) for step in block]
    ran = run([step.command for step in shown], project, scratch, timeout=60)
    if WRITE:
        PAGE.write_text(rewritten(page, ran), "utf-8")
    assert rewritten(PAGE.read_text("utf-8"), ran) == PAGE.read_text("utf-8")
    assert len(shown) == len(ran) == 4


def test_the_price_book_of_the_page_is_read(tmp_path):
    (book,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    own = tmp_path / "own.toml"
    own.write_text(book, "utf-8")
    assert training_price("gpt-4.1-mini-2025-04-14", "globalStandard", own=own).usd == 0.55
    assert training_price("o4-mini-2025-04-16", "standard", own=own).unit == "hour"
    assert hosting_price("Standard", own=own).usd == 1.5
    assert hosting_price("DeveloperTier", own=own).usd == 0
