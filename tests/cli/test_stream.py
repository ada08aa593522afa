"""Watching, by programs: `--json` of apply, destroy and logs, and following a training whatever the service does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import datetime

import pytest
from jsonschema import Draft202012Validator

from ftctl.cli import stream
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit
from ftctl.render import lines
from ftctl.spec.schema import load_schema
from tests.flow.conftest import clock, examples, lab  # noqa: F401  fixtures


@pytest.fixture
def pace(ftctl):
    """Set how many of Azure's seconds pass in one of ours."""
    return lambda seconds: ftctl("local", "settings", "--pace", str(seconds))


@pytest.fixture(scope="module")
def schema():
    """The committed schema, in which no other field is allowed than those it names."""
    made = load_schema(lines.NAME)
    for name, part in made["$defs"].items():
        assert "properties" in part, name
        part["additionalProperties"] = False
    return Draft202012Validator(made)


@pytest.fixture
def read(schema):
    """The lines of an output: each fits the schema, and they are counted without a gap."""

    def lines_of(out):
        found = [json.loads(line) for line in out.splitlines()]
        for line in found:
            schema.validate(line)
        assert [line["sequence"] for line in found] == list(range(1, len(found) + 1))
        assert {line["format_version"] for line in found} == {"1.0"}
        moments = [datetime.fromisoformat(line["at"]) for line in found]
        assert all(moment.tzinfo for moment in moments)
        assert [line["type"] for line in found].count("report") == 1
        assert found[-1]["type"] == "report"
        return found

    return lines_of


def of(found, type_, address=""):
    return [one for one in found if one["type"] == type_ and address in {"", one.get("address")}]


def test_the_schema_is_that_of_the_lines():
    assert load_schema(lines.NAME) == lines.schema()


def test_every_event_of_an_apply_and_of_a_destroy_is_a_line(ftctl, pace, read):
    ftctl("init")
    pace(2500)
    said = ftctl("apply", "--auto-approve", "--json", "--wait", "submit")
    found = read(said.out)
    assert (said.code, found[-1]["exit"]) == (Exit.PENDING, Exit.PENDING)
    assert [one["stack"] for one in of(found, "plan")] == ["tone"]
    assert len(of(found, "done")) == 5
    outcomes = {one["address"]: one for one in found[-1]["stacks"][0]["report"]["outcomes"]}
    assert outcomes["job/tone"]["result"] == "pending"
    assert outcomes["job/tone"]["watched"]["stage"]

    said = ftctl("apply", "--auto-approve", "--json")
    found = read(said.out)
    assert (said.code, found[-1]["exit"]) == (Exit.DONE, 0)
    (done,) = of(found, "done", "job/tone")
    assert done["text"].startswith("ftjob-")

    pace(100_000)
    said = ftctl("destroy", "--auto-approve", "--json")
    assert (said.code, read(said.out)[-1]["exit"]) == (Exit.DONE, 0)
    assert len(of(read(said.out), "done")) == 7


def test_progress_has_what_is_known_of_a_training(lab, read):  # noqa: F811  the fixture
    lab.data("train", examples(64))
    out = io.StringIO()
    with stream.Stream(out, lab.clock) as lines_:
        report = lab.apply(emit=stream.Steps(lines_, "tone"))
        lines_.report(report.exit, [], ())
    told = [one["watched"] for one in of(read(out.getvalue()), "progress", "job/tone") if "step" in one["watched"]]
    assert {"status", "stage", "step", "steps", "loss", "valid_loss", "elapsed", "left", "cost"} == told[-1].keys()
    assert (told[-1]["steps"], told[-1]["cost"]["currency"]) == (128, "USD")
    costs = [one["cost"]["low"] for one in told]
    assert 0 < costs[0] < costs[-1]


def test_a_heartbeat_comes_while_one_call_takes_its_time(ftctl, read, monkeypatch):
    monkeypatch.setattr(stream, "EVERY", 0.1)
    ftctl("init")
    ftctl("local", "faults", "add", "slow", "--seconds", "0.8", "--method", "PUT", "--times", "1")
    found = read(ftctl("apply", "--auto-approve", "--json", "--wait", "none").out)
    begun = found.index(of(found, "started")[0])
    after = found[begun + 1 :]
    quiet = next(place for place, one in enumerate(after) if one["type"] != "heartbeat")
    assert quiet >= 3
    (running,) = after[quiet - 1]["running"]
    assert (running["address"], running["op"]) == ("resourceGroup/rg-tone", "create")
    assert running["seconds"] > 0
    seconds = [one["seconds"] for one in of(found, "heartbeat")]
    assert seconds == sorted(seconds)


def test_ten_seconds_are_promised():
    assert stream.EVERY < 10


@pytest.mark.parametrize(
    ("break_", "code", "exit_"),
    [
        (("apiVersion: ftctl/v1", "apiVersion: ftctl/v9"), "FT1", Exit.DATA),
        (("capacity: 10", "capacity: 10\n    resource: nobody"), "FT1", Exit.DATA),
    ],
)
def test_what_is_wrong_before_the_first_call_is_a_report_too(ftctl, project, read, break_, code, exit_):
    ftctl("init")
    spec = project / "specs/tone.yaml"
    spec.write_text(spec.read_text().replace(*break_))
    said = ftctl("apply", "--auto-approve", "--json")
    (report,) = read(said.out)
    assert (said.code, report["exit"], report["stacks"]) == (exit_, exit_, [])
    assert all(problem["code"].startswith(code) for problem in report["problems"])


def test_a_step_that_failed_is_a_line_and_has_its_problem_in_the_report(ftctl, read):
    ftctl("init")
    ftctl("local", "faults", "add", "job", "training", "--times", "1")
    said = ftctl("apply", "--auto-approve", "--json")
    found = read(said.out)
    assert said.code == found[-1]["exit"] == Exit.PARTIAL
    assert [one["address"] for one in of(found, "failed")] == ["job/tone"]
    assert [one["text"] for one in of(found, "skipped")] == ["waits for job/tone"]
    outcomes = found[-1]["stacks"][0]["report"]["outcomes"]
    assert [one["problem"]["code"] for one in outcomes if one["result"] == "failed"] == ["FT3201"]


def test_json_is_one_form_of_two_and_asks_nothing(ftctl):
    ftctl("init")
    said = ftctl("apply", "--auto-approve", "--json", "-o", "json")
    assert (said.code, said.out, "choose one" in said.err) == (Exit.USAGE, "", True)
    said = ftctl("apply", "--json")
    assert (said.code, "FT3103" in said.err) == (Exit.USAGE, True)


def test_whoever_reads_may_hang_up_and_the_work_goes_on(ftctl, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    ftctl("init")
    command = [sys.executable, "-m", "ftctl", "apply", "--auto-approve", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while json.loads(process.stdout.readline())["type"] != "plan":
            pass  # on a slow machine a heartbeat comes first
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 0, said
    assert "Broken" not in said
    assert "Traceback" not in said
    assert "nothing to do" in ftctl("plan").out


# --- logs


def ids(found):
    return [one["event"]["id"] for one in of(found, "event")]


def test_following_tells_every_event_once_whatever_the_service_does(ftctl, pace, read):
    ftctl("init")
    pace(1500)
    assert ftctl("apply", "--auto-approve", "--wait", "submit").code == Exit.PENDING
    ftctl("local", "faults", "add", "error", "--path", "*/events*", "--probability", "0.5", "--seed", "3")
    ftctl("local", "faults", "add", "cut", "--path", "*/fine_tuning/jobs/ftjob*", "--times", "2")
    said = ftctl("logs", "tone", "--follow", "--json")
    ftctl("local", "faults", "clear")
    found = read(said.out)
    assert (said.code, found[-1]["exit"], found[-1]["stacks"][0]["status"]) == (0, 0, "succeeded")
    seen = ids(found)
    assert len(seen) == len(set(seen))
    assert seen == ids(read(ftctl("logs", "tone", "--json").out))
    messages = [one["event"]["message"] for one in of(found, "event")]
    assert messages[0].startswith("Job enqueued.")
    assert messages[-1].startswith("Training tokens billed: ")


def test_a_service_out_of_reach_is_asked_again(ftctl, pace):
    """Longer than each call is repeated for: following says so once, and goes on."""
    ftctl("init")
    pace(400)
    assert ftctl("apply", "--auto-approve", "--wait", "submit").code == Exit.PENDING
    ftctl("local", "faults", "add", "error", "--path", "*/events*", "--nth", "2", "--status", "503", "--times", "1")
    ftctl("local", "faults", "add", "error", "--path", "*/fine_tuning/jobs/ftjob*", "--status", "503", "--times", "12")
    said = ftctl("logs", "tone", "--follow")
    assert said.code == 0
    assert said.err.count("Asking again; the training goes on.") == 1
    assert said.out.count("Job succeeded.") == 1


def test_a_training_that_fails_ends_following_with_one(ftctl, pace):
    ftctl("init")
    pace(1500)
    ftctl("local", "faults", "add", "job", "training", "--times", "1")
    ftctl("apply", "--auto-approve", "--wait", "submit")
    said = ftctl("logs", "tone", "--follow")
    assert (said.code, said.err.rstrip().endswith("): failed")) == (Exit.ERROR, True)


def test_ctrl_c_ends_following_and_not_the_training(ftctl, pace, read, monkeypatch):
    ftctl("init")
    pace(60)
    assert ftctl("apply", "--auto-approve", "--wait", "submit").code == Exit.PENDING

    def interrupted(_clock, _seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(SystemClock, "sleep", interrupted)
        said = ftctl("logs", "tone", "--follow")
        streamed = ftctl("logs", "tone", "--follow", "--json")
    assert said.code == streamed.code == read(streamed.out)[-1]["exit"] == Exit.INTERRUPTED
    assert "The training goes on in Azure. To follow it again:\n  ftctl logs tone --follow\n" in said.err
    status = json.loads(ftctl("status", "-o", "json").out)["stacks"][0]["resources"]
    (job,) = [one for one in status if one["kind"] == "job"]
    assert (job["health"], "stage" in job["watched"]) == ("pending", True)


def test_a_training_that_is_deleted_is_followed_no_longer(ftctl, pace):
    ftctl("init")
    pace(60)
    assert ftctl("apply", "--auto-approve", "--wait", "submit").code == Exit.PENDING
    gone = ("--status", "404", "--code", "notFound", "--path", "*/fine_tuning/jobs/ftjob*")
    ftctl("local", "faults", "add", "refuse", *gone)
    said = ftctl("logs", "tone", "--follow")
    assert "error FT6020: job/tone: ftjob-" in said.err
    assert said.code == Exit.ERROR


def test_nothing_comes_after_the_report(capsys, monkeypatch, read):
    monkeypatch.setattr(stream, "EVERY", 0.01)
    real = SystemClock()
    with stream.streaming(real, []) as lines:
        lines.report(Exit.DONE, [], [])
        real.sleep(0.1)
    read(capsys.readouterr().out)
