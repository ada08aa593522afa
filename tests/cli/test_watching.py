"""Watching, by people: live lines on a terminal, plain ones elsewhere, and what is told of what goes on."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl import workflow
from ftctl.core.errors import Exit
from ftctl.core.estimate import Span
from ftctl.core.events import Event, Result, Stage, Watched
from ftctl.core.model import Address, Mode
from ftctl.core.steps import Op
from ftctl.local.azure import Fault, Settings
from ftctl.render import console
from ftctl.render.look import Look, width_of
from ftctl.render.progress import Lines
from ftctl.render.report import report_text
from ftctl.render.running import Running, running_lines
from ftctl.render.status import status_text
from ftctl.render.watched import sentence
from tests.cli.screen import Terminal
from tests.flow.conftest import clock, examples, lab  # noqa: F401  fixtures
from tests.golden import normal

START = datetime(2026, 6, 1, tzinfo=UTC)
FAR = Watched(
    status="running",
    stage="training",
    step=120,
    steps=300,
    loss=0.81234,
    valid_loss=1.5,
    elapsed=240.0,
    left=Span(350, 380),
    cost=Span.of(12.2),
)
SPINNERS = re.compile(r"^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] (\S+)", re.MULTILINE)


@pytest.fixture
def pace(ftctl):
    """Set how many of Azure's seconds pass in one of ours."""
    return lambda seconds: ftctl("local", "settings", "--pace", str(seconds))


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 80 columns in place of stderr."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with Terminal(80) as made:
        yield made


def watch(ftctl, terminal, monkeypatch, *arguments):
    with monkeypatch.context() as patched:
        patched.setattr("sys.stderr", terminal)
        said = ftctl(*arguments)
    return said, terminal.screen


# --- live


def test_a_terminal_shows_what_goes_on_and_leaves_what_ended(lab, terminal):  # noqa: F811  the fixture
    lab.data("train", examples(64))
    lab.azure.settings = Settings(pace=20)
    with console.progress(terminal, lab.clock, {"TERM": "xterm"}) as live:

        def emit(event):
            live(event)
            live._drawn.refresh()  # its thread would, a little later

        assert lab.apply(emit=emit).exit is Exit.DONE
    screen, seen = terminal.screen, ["\n".join(state) for state in terminal.screen.states]
    found = [SPINNERS.findall(state) for state in seen]
    assert ["dataset/train", "dataset/valid"] in found
    assert ["dataset/valid", "dataset/train"] not in found
    told = [line[2:] for state in seen for line in state.splitlines() if SPINNERS.match(line)]
    line = re.compile(r"job/tone  1 min \d+ s  training \d+/128, loss 0\.\d+, \d+ s left, ≈ 0\.00\d+ USD")
    assert any(line.fullmatch(one) for one in told)
    for state in seen:
        assert not {ended for ended in SPINNERS.findall(state) if f"✓ {ended}: " in state}
    assert (screen.wrapped, screen.cursor_hidden, bool(screen.colours)) == (0, False, True)
    last = seen[-1].splitlines()
    assert [line[0] for line in last] == ["✓"] * 8
    assert re.fullmatch(r"✓ job/tone: created, ftjob-\w+… \(3 min\)", last[6])


def test_the_first_ctrl_c_leaves_a_clean_terminal_and_says_what_goes_on(ftctl, pace, terminal, monkeypatch):
    ftctl("init")
    pace(200)

    def interrupt():
        while not any("training" in line and "/150" in line for state in terminal.screen.states[-1:] for line in state):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    said, screen = watch(ftctl, terminal, monkeypatch, "apply", "--auto-approve")
    assert said.code == Exit.INTERRUPTED
    left = screen.shown()
    assert not SPINNERS.search("\n".join(left))
    assert left[-3].startswith("Stopping: nothing new is begun")
    assert (left[-1], screen.cursor_hidden) == ("Press Ctrl-C again to leave at once.", False)
    assert re.search(r"⏳  job/tone  training, step \d+ of 150, loss ", said.out)
    assert "Continue at any time with:\n  ftctl apply specs\n" in said.out


class Fixed:
    def now(self):
        return START + timedelta(seconds=5)


def event(stage, address, watched=None, seconds=0.0):
    at = START + timedelta(seconds=seconds)
    return Event(at, stage, Address.parse(address), Op.CREATE, str(watched or ""), seconds, watched)


@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_may_be_made_narrower_while_it_is_written_to(environ, terminal):
    screen = terminal.screen
    with console.progress(terminal, Fixed(), {"TERM": "xterm", **environ}) as emit:
        for name in ("tone", "tone-with-a-rather-long-name-that-goes-on"):
            emit(event(Stage.PROGRESS, f"job/{name}", FAR))
        emit._drawn.refresh()
        wide = screen.shown()
        terminal.resize(34)
        emit._drawn.refresh()
        narrow = screen.shown()
        emit(event(Stage.DONE, "job/tone", seconds=5))
        emit._drawn.refresh()
    assert [len(wide), len(narrow), screen.wrapped] == [2, 2, 0]
    assert (70 < max(map(len, wide)) <= 79, 30 <= max(map(len, narrow)) <= 33) == (True, True)
    assert screen.shown() == ["✓ job/tone: created (5 s)"]
    assert (screen.cursor_hidden, bool(screen.colours)) == (False, not environ)


texts = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Mn")), max_size=60)
amounts = st.none() | st.floats(0.001, 1e7)
spans = st.none() | st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)).map(lambda ends: Span(min(ends), max(ends)))
fars = st.builds(
    Watched,
    words=texts,
    stage=texts,
    step=st.none() | st.integers(1, 10**6),
    steps=st.none() | st.integers(1, 10**6),
    loss=amounts,
    valid_loss=amounts,
    reward=amounts,
    elapsed=amounts,
    left=spans,
    cost=spans.filter(lambda span: span is None or span.low > 0),
)


@given(st.lists(st.tuples(texts, fars), min_size=1, max_size=4), st.integers(20, 130), st.booleans())
def test_live_lines_fit_whatever_they_say(steps, width, unicode):
    look = Look(unicode=unicode, width=width)
    running = [Running(Address("job", name), Op.CREATE, START, START, far) for name, far in steps]
    lines = running_lines(running, START + timedelta(seconds=7), look, width)
    assert len(lines) == len(steps)
    assert all(width_of(line) <= width and "\n" not in line for line in lines)


def test_what_matters_most_stays_on_a_narrow_terminal():
    running = [Running(Address("job", "tone"), Op.CREATE, START, START, FAR)]
    now = START + timedelta(seconds=60)
    assert [running_lines(running, now, Look(), width) for width in (100, 78, 60, 40)] == [
        ["job/tone  5 min  training 120/300, loss 0.812, validation loss 1.5, 5.1 min left, ≈ 12 USD"],
        ["job/tone  5 min  training 120/300, loss 0.812, 5.1 min left, ≈ 12 USD"],
        ["job/tone  5 min  training 120/300, loss 0.812, 5.1 min left"],
        ["job/tone  5 min  training 120/300"],
    ]


def test_what_is_not_known_is_not_told():
    assert sentence(Watched(stage="queued"), Look()) == "queued"
    assert sentence(Watched(stage="training", step=10), Look()) == "training, step 10"
    assert sentence(FAR, Look()) == (
        "training, step 120 of 300, loss 0.812, validation loss 1.5, 4 min, about 6.1 min left, ≈ 12 USD so far"
    )
    apart = Watched(stage="training", left=Span(120, 700), cost=Span(1.0, 2.0))
    assert sentence(apart, Look(unicode=False)) == "training, 2-12 min left, ~ 1.00-2.00 USD so far"
    assert sentence(Watched(stage="training", left=Span(30, 35)).later(60), Look()) == "training"


# --- plain lines, the report and the status: the whole of a training on a clock of the test's own


def test_plain_lines_tell_how_far_a_training_is(lab, golden):  # noqa: F811  the fixture
    lab.data("train", examples(64))
    out = io.StringIO()
    lines = Lines(out, Look())
    assert lab.apply(emit=lambda event: lines(event) if event.address.kind == "job" else None).exit is Exit.DONE
    golden("watching-plain", re.sub(r"\(\d+ min[^)]*\)", "(TIME)", normal(out.getvalue())))


def test_the_report_and_the_status_say_how_far_what_goes_on_is(lab, golden):  # noqa: F811  the same
    lab.data("train", examples(64))
    lab.azure.settings = Settings(pace=1)
    while not lab.stored("job"):
        lab.apply(wait=15.0)
    report = lab.apply(wait=1500.0)
    assert report.exit is Exit.PENDING
    (job,) = report.having(Result.PENDING)
    assert 1 < job.watched.step < job.watched.steps
    with lab.clients() as clients:
        stack, plan = lab.stack(), lab.plan()
        far = workflow.watch(plan, stack, clients, clock=lab.clock)
    text = report_text("tone", report, Look(), resume="ftctl apply specs")
    golden("watching-pending", f"{normal(text)}\n\n{normal(status_text(plan, Look(), far))}\n")


# --- how long to wait


def results(report):
    return {str(outcome.address): outcome.result for outcome in report.outcomes}


def test_waiting_until_trainings_are_submitted(lab):  # noqa: F811  the fixture
    lab.azure.settings = Settings(pace=1)
    report = lab.apply(trainings=False)
    assert report.exit is Exit.PENDING
    assert len(lab.jobs()) == 1
    assert results(report) == {
        "resourceGroup/rg-tone": Result.DONE,
        "account/main": Result.DONE,
        "roleAssignment/engineers": Result.DONE,
        "roleAssignment/quota": Result.DONE,
        "dataset/train": Result.DONE,
        "dataset/valid": Result.DONE,
        "job/tone": Result.PENDING,
        "deployment/prod": Result.NOT_ATTEMPTED,
    }
    again = lab.apply(trainings=False)
    assert results(again) == {"job/tone": Result.PENDING, "deployment/prod": Result.NOT_ATTEMPTED}
    assert lab.apply().exit is Exit.DONE
    assert len(lab.jobs()) == 1


def test_a_deletion_is_waited_for_all_the_same(lab):  # noqa: F811  the same
    lab.azure.settings = Settings(pace=1)
    lab.apply(trainings=False)
    assert lab.apply(Mode.DESTROY, trainings=False).exit is Exit.DONE


def test_waiting_for_nothing_leaves_what_depends_on_what_goes_on(lab):  # noqa: F811  the same
    lab.azure.settings = Settings(pace=1)
    report = lab.apply(wait=0.0)
    found = results(report)
    assert (report.exit, found["account/main"]) == (Exit.PENDING, Result.PENDING)
    assert {found[f"dataset/{name}"] for name in ("train", "valid")} == {Result.NOT_ATTEMPTED}
    assert not lab.stored("file")
    for _ in range(2000):
        if lab.apply(wait=0.0).exit is Exit.DONE:
            break
        lab.clock.advance(60)
    assert lab.plan().empty
    assert len(lab.jobs()) == 1


def test_the_service_that_does_not_tell_its_events_stops_nothing(lab):  # noqa: F811  the same
    lab.azure.faults.append(lambda _, route: Fault(status=403, code="forbidden") if "events" in route.name else None)
    assert lab.apply().exit is Exit.DONE
    asked = [call.path for call in lab.azure.calls if call.path.endswith("/events")]
    assert len(asked) > 1
