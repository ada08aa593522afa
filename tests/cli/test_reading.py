"""The line that a terminal shows while a large data file is read, and how it goes again."""

from __future__ import annotations

import io
import sys

import pytest

from ftctl.cli import reading
from ftctl.cli.root import run
from ftctl.core.errors import Exit
from ftctl.data import lines, scan
from tests.cli.datafiles import example, write


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def terminal(project, monkeypatch, tmp_path_factory):
    """A terminal, a file to read in many blocks, and every file large enough to be told about."""
    monkeypatch.setenv("FTCTL_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(reading, "LARGE", 1)
    monkeypatch.setattr(lines, "BLOCK", 2000)
    write("train.jsonl", map(example, range(60)))
    return Terminal()


@pytest.fixture
def command(terminal, monkeypatch):
    def command(*words):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)  # when a test has begun: pytest puts its own there before
            return run(words)

    return command


@pytest.mark.parametrize("words", [["data", "lint", "train.jsonl"], ["data", "stats", "train.jsonl"]])
def test_reading_shows_how_far_it_is_and_leaves_nothing(command, terminal, words):
    assert command(*words) == Exit.DONE
    drawn = terminal.getvalue().split("\r\x1b[K")
    assert len(drawn) > 3
    assert drawn[0] == drawn[-1] == ""
    assert all(line.startswith("reading train.jsonl: ") and line.endswith(" left") for line in drawn[1:-1])
    assert all(len(line) < 80 for line in drawn)


def test_an_interrupted_reading_leaves_nothing_either(command, terminal, monkeypatch):
    read = scan.Scan._take

    def interrupted(self, *block):
        if self.line > 20:
            raise KeyboardInterrupt
        read(self, *block)

    monkeypatch.setattr(scan.Scan, "_take", interrupted)
    assert command("data", "lint", "train.jsonl") == 130
    assert "reading train.jsonl: " in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("why", ["small", "dumb", "no terminal"])
def test_nothing_is_shown_of_small_files_or_where_lines_stay(command, terminal, monkeypatch, why):
    if why == "small":
        monkeypatch.setattr(reading, "LARGE", 1_000_000)
    if why == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    if why == "no terminal":
        monkeypatch.setattr(terminal, "isatty", lambda: False)
    assert command("data", "lint", "train.jsonl") == Exit.DONE
    assert terminal.getvalue() == ""
