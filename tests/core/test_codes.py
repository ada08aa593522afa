"""The table of error codes is whole: each is raised, each that is raised stands in it, and each helps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ftctl
from ftctl.cli.root import run
from ftctl.core.codes import CODES
from tests.golden import kept

PACKAGE = Path(ftctl.__file__).parent
TABLES = PACKAGE / "core" / "codes"
GOLDEN = Path(__file__).parents[1] / "cli" / "golden"
_CODE = re.compile(r"\bFT\d{4}\b")


def sources():
    return [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(TABLES)]


def used():
    """Every code that stands in the sources as a value, and where."""
    found: dict[str, set[str]] = {}
    for path in sources():
        for code in re.findall(r'"(FT\d{4})"', path.read_text("utf-8")):
            found.setdefault(code, set()).add(path.name)
    return found


def test_every_code_in_the_table_is_raised_somewhere():
    assert sorted(set(CODES) - set(used())) == []


def test_every_code_that_is_raised_is_in_the_table():
    assert {code: where for code, where in used().items() if code not in CODES} == {}


def test_codes_that_texts_name_are_in_the_table():
    named = {code for path in sources() for code in _CODE.findall(path.read_text("utf-8"))}
    named |= {code for one in CODES.values() for code in _CODE.findall(one.why + one.fix)}
    assert named <= set(CODES)


def test_no_code_stands_in_two_tables():
    tables = "".join(path.read_text("utf-8") for path in TABLES.glob("*.py"))
    assert sorted(re.findall(r'^    "(FT\d{4})":', tables, re.MULTILINE)) == sorted(CODES)


def test_no_two_codes_have_one_title():
    titles = [code.title for code in CODES.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("name", CODES)
def test_a_code_says_what_why_and_what_to_do(name):
    code = CODES[name]
    assert code.title == code.title.strip() != ""
    assert code.title[-1] not in ".:;, "
    assert code.title[0].isupper() or code.title.startswith(("ftctl", "from-training"))
    for text in (code.why, code.fix):
        assert text == text.strip() != ""
        assert text[-1] in ".?!)"
        assert "  " not in text
        assert text.count("`") % 2 == 0
    assert code.why != code.fix


def test_commands_that_fixes_name_are_there():
    from ftctl.cli.root import COMMANDS  # noqa: PLC0415  beside the check it is for

    named = {word for code in CODES.values() for word in re.findall(r"`ftctl ([a-z]+)", code.why + code.fix)}
    assert named <= set(COMMANDS)


def test_the_page_of_every_code(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    pages = []
    for name in sorted(CODES):
        assert run(["explain", name]) == 0
        pages.append(capsys.readouterr().out)
    kept(GOLDEN / "explain.txt", "\n\n".join(pages))
