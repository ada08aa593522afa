"""Watching what goes on: live lines, plain ones, the stream of JSON, how long to wait, and following a training."""

from __future__ import annotations

import pytest

from ftctl.embedded import local_folder
from ftctl.local.azure import Azure, Settings
from tests.cli.screen import Terminal


def pace(seconds):
    """How many of Azure's seconds pass in one of ours."""
    Azure(local_folder(), settings=Settings(pace=seconds)).close()


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in place of stderr."""
    made = Terminal(80)
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setenv("TERM", "xterm")
    yield made
    made.close()


def test_look(ftctl, terminal, monkeypatch):
    ftctl("init")
    pace(1000)
    monkeypatch.setattr("sys.stderr", terminal.stream)
    said = ftctl("apply", "--auto-approve")
    monkeypatch.undo()
    screen = terminal.close()
    for s in screen.states[::4]:
        print("\n".join(s))
        print("=" * 40)
    print(screen.wrapped, screen.cursor_hidden, screen.colours)
    assert 0
