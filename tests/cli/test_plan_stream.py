"""`plan --json`: the lines that `apply --json` has, for a plan."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ftctl import workflow
from ftctl.cli import stream
from ftctl.core.clock import SystemClock
from ftctl.core.errors import Exit
from tests.cli.test_stream import of, read, schema  # noqa: F401  fixtures

STACKS = Path(__file__).parents[2] / "examples" / "two-stacks"


def test_a_plan_is_a_line_as_in_the_document_and_then_there_is_a_report(ftctl, read):  # noqa: F811  the fixture
    ftctl("init")
    said = ftctl("plan", "--json")
    line, report = read(said.out)
    assert (said.code, report["exit"], report["problems"]) == (0, 0, [])
    assert report["stacks"] == [{"stack": line["stack"], "report": None}]
    assert line["plan"] == json.loads(ftctl("plan", "-o", "json").out)["plans"][0]
    said = ftctl("plan", "--json", "--detailed-exitcode", "--out", "plan.json")
    assert (said.code, read(said.out)[-1]["exit"]) == (Exit.CHANGES, Exit.CHANGES)
    assert ftctl("show", "plan.json", "-o", "json").out.count(line["plan"]["digest"]) == 1


def test_one_stack_in_trouble_keeps_no_other_from_its_line(ftctl, project, read):  # noqa: F811  the fixture
    shutil.copytree(STACKS, project / "specs")
    spec = project / "specs" / "platform.yaml"
    spec.write_text(spec.read_text("utf-8").replace("group: ml-engineers", "group: nobody"), "utf-8")
    said = ftctl("plan", "--json")
    found = read(said.out)
    planned = [one["stack"] for one in of(found, "plan")]
    assert len(planned) == 1
    assert found[-1]["stacks"] == [{"stack": planned[0], "report": None}]
    assert said.code == found[-1]["exit"] != 0
    errors = [one["code"] for one in found[-1]["problems"] if one["severity"] == "error"]
    assert errors == ["FT3210"]
    assert "FT3210" in said.err


def test_a_plan_that_cannot_be_applied_says_so_in_its_line_and_by_its_exit(ftctl, read):  # noqa: F811  the fixture
    ftctl("init")
    said = ftctl("plan", "--json", "--max-cost", "0", "--outputs", "out.txt")
    line, report = read(said.out)
    assert said.code == report["exit"] == Exit.BLOCKED
    assert [one["code"] for one in line["plan"]["diagnostics"]] == ["FT3020"]
    assert f"exit_code={said.code}\n" in Path("out.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "exit_", "code"),
    [(["--out", "nowhere/plan.json"], Exit.ERROR, "FT6009"), (["-e", "nobody"], Exit.DATA, "FT1")],
)
def test_what_stops_the_command_is_its_report(ftctl, read, options, exit_, code):  # noqa: F811  the fixture
    ftctl("init")
    said = ftctl("plan", "--json", *options)
    report = read(said.out)[-1]
    assert said.code == report["exit"] == exit_
    assert all(problem["code"].startswith(code) for problem in report["problems"])
    assert report["problems"]


def test_heartbeats_come_while_data_is_read_and_while_azure_is_looked_at(ftctl, read, monkeypatch):  # noqa: F811
    monkeypatch.setattr(stream, "EVERY", 0.1)
    ftctl("init")
    begun, loaded = [], workflow.load

    def slow_load(request, *chosen):
        SystemClock().sleep(0.5)
        found = loaded(request, *chosen)
        begun.append(SystemClock().now().isoformat())
        return found

    monkeypatch.setattr(workflow, "load", slow_load)
    ftctl("local", "faults", "add", "slow", "--seconds", "0.8", "--path", "*/accounts", "--times", "1")
    found = read(ftctl("plan", "--json").out)
    beats = [one["at"] for one in of(found, "heartbeat")]
    assert sum(at < begun[0] for at in beats) >= 3
    assert sum(at > begun[0] for at in beats) >= 5
    assert all(one["running"] == [] for one in of(found, "heartbeat"))


def test_json_is_one_form_of_many(ftctl):
    ftctl("init")
    for form in ("json", "markdown", "sarif"):
        said = ftctl("plan", "--json", "-o", form)
        assert (said.code, said.out, f"`-o {form}`" in said.err) == (Exit.USAGE, "", True)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C reaches no single process there")
def test_ctrl_c_is_the_last_line(ftctl, read, monkeypatch):  # noqa: F811  the fixture
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    ftctl("init")
    ftctl("local", "faults", "add", "slow", "--seconds", "12", "--path", "*/accounts", "--times", "1")
    faster = "import sys; from ftctl.cli import stream; stream.EVERY = 0.2; from ftctl.cli.root import run"
    code = f"{faster}; sys.exit(run(['plan', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out = first + process.stdout.read()
    found = read(out)
    assert (process.returncode, found[-1]["exit"], found[-1]["stacks"]) == (Exit.INTERRUPTED, Exit.INTERRUPTED, [])
