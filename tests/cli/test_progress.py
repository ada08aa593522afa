"""Progress and the habits of streams: colour, width, symbols, and terminals that hang up."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest

from ftctl.core.events import Event, Stage
from ftctl.core.model import Address
from ftctl.core.steps import Op
from ftctl.render import console, progress
from ftctl.render.look import Look, look_of

JOB, PROD, WIDE = Address("job", "tone"), Address("deployment", "tone-prod"), Look()
START = datetime(2026, 6, 1, tzinfo=UTC)


def event(stage, seconds=0.0, text="", address=JOB, op=Op.CREATE):
    return Event(START + timedelta(seconds=seconds), stage, address, op, text, seconds)


def test_plain_progress_tells_each_state_once_and_goes_on_quietly(golden):
    out = io.StringIO()
    lines = progress.Lines(out, WIDE)
    lines(event(Stage.STARTED))
    for second in range(1, 26):
        lines(event(Stage.PROGRESS, second, f"step {second}"))
    lines(event(Stage.DONE, 26, "ftjob-1"))
    lines(event(Stage.FAILED, 26, "refused", address=PROD, op=Op.UPDATE))
    lines(event(Stage.NOTICE, 26, "Stopping.", address=None, op=None))
    golden("progress", out.getvalue())


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Hung(Terminal):
    def write(self, _text):
        raise BrokenPipeError


class Fixed:
    def now(self):
        return START + timedelta(seconds=5)


def test_live_progress_shows_what_runs_and_leaves_what_ended():
    out = Terminal()
    with console.progress(out, Fixed(), {"TERM": "xterm", "COLUMNS": "80"}) as emit:
        assert isinstance(emit, console.Live)
        emit(event(Stage.STARTED))
        emit(event(Stage.PROGRESS, 3, "step 3"))
        emit._drawn.refresh()  # its thread would, a little later
        emit(event(Stage.DONE, 5, "ftjob-1"))
    text = out.getvalue()
    assert "job/tone  5 s  creating: step 3" in text
    assert "job/tone: created, ftjob-1 (5 s)" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is back


@pytest.mark.parametrize("environ", [{"TERM": "xterm"}, {"TERM": "dumb"}])
def test_a_terminal_that_hung_up_does_not_stop_the_work(environ):
    emit = console.progress(Hung(), Fixed(), environ)
    emit(event(Stage.STARTED))
    emit(event(Stage.DONE))


def test_progress_without_a_terminal_does_without_rich():
    assert isinstance(console.progress(io.StringIO(), Fixed(), {}), progress.Lines)
    assert isinstance(console.progress(Terminal(), Fixed(), {"TERM": "dumb"}), progress.Lines)


# --- streams


@pytest.mark.parametrize(
    ("environ", "terminal", "colour"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False),
        ({"FORCE_COLOR": "1"}, False, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_habits(environ, terminal, colour):
    assert look_of(Terminal() if terminal else io.StringIO(), environ).colour is colour


def test_a_stream_that_cannot_encode_symbols_gets_ascii():
    assert not look_of(io.TextIOWrapper(io.BytesIO(), "ascii"), {}).unicode
    assert look_of(io.TextIOWrapper(io.BytesIO(), "utf-8"), {"COLUMNS": "100"}) == Look(width=100)
    assert look_of(io.StringIO(), {"COLUMNS": "7"}).width == 40
