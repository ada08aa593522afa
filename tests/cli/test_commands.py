"""The command line: help, usage, exit codes, streams, and what is refused at once."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ftctl import __version__, workflow
from ftctl.cli import interrupts, options, root
from ftctl.cli.execution import Order
from ftctl.core.codes import CODES
from ftctl.core.errors import Exit, FtctlError, Problem
from ftctl.core.model import Address
from ftctl.request import Request

SUBCOMMANDS = [
    *(("local", name) for name in ("up", "down", "reset", "env", "clock", "faults", "settings")),
    ("local", "clock", "advance"),
    ("job", "grade"),
    *(("local", "faults", name) for name in ("add", "load", "clear")),
]
HEAVY = ("openai", "azure", "jsonschema", "rich", "deepdiff", "yaml", "requests", "msgspec")


def python(code, **more):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | more, timeout=60
    )


@pytest.mark.parametrize("words", [[], *([name] for name in root.COMMANDS), *map(list, SUBCOMMANDS)])
def test_help(ftctl, golden, words):
    said = ftctl(*words, "--help")
    assert (said.code, said.err) == (0, "")
    assert all(len(line) <= 80 for line in said.out.splitlines())
    golden("-".join(["help", *words]), said.out)
    assert ftctl(*words, "-h") == said


def test_alone_it_shows_its_help(ftctl):
    assert ftctl() == ftctl("--help")
    assert ftctl("local") == ftctl("local", "--help")


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version_comes_before_click(words):
    code = f"import sys; sys.argv[1:] = {words}; from ftctl.__main__ import main; print(main(), 'click' in sys.modules)"
    assert python(code).stdout.split() == ["ftctl", __version__, "0", "False"]


def test_version_with_more_words_is_the_same(ftctl):
    assert ftctl("version").out == f"ftctl {__version__}\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["plan", "--help"], ["local", "--help"]])
def test_help_imports_nothing_heavy(words):
    code = f"import sys; from ftctl.cli.root import run; run({words}); print(*sys.modules, file=sys.stderr)"
    loaded = {name.partition(".")[0] for name in python(code).stderr.split()}
    assert loaded.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["plna"], "FT6001", 'Did you mean "plan"?'),
        (["xyzzy"], "FT6001", "Run `ftctl --help` for all commands."),
        (["plan", "--colour"], "FT6002", "Run `ftctl plan --help`"),
        (["--nonsense"], "FT6002", "Run `ftctl --help`"),
        (["plan", "--var", "SECRET"], "FT6002", "a variable is given as NAME=VALUE"),
        (["plan", "--adopt", "main"], "FT6002", "kind/name"),
        (
            ["apply", "--wait", "soon"],
            "FT6002",
            "'soon' is neither all, submit nor none, and no length of time such as 30m",
        ),
        (["logs"], "FT6002", "Run `ftctl logs --help`"),
        (["local", "upp"], "FT6002", "up"),
        (["explain", "FT311"], "FT6006", "Did you mean"),
        (["local", "clock", "advance", "2 days"], "FT5007", "1h30m"),
    ],
)
def test_a_wrong_command_line_is_told_in_our_form(ftctl, words, code, hint):
    said = ftctl(*words)
    assert said.code == Exit.USAGE
    assert said.out == ""
    assert said.err.startswith(f"error {code}: ")
    assert hint in " ".join(said.err.split())
    assert "SECRET" not in said.err


def test_options_stand_anywhere_after_the_command(ftctl):
    first, last = ftctl("validate", "-o", "json", "nowhere"), ftctl("validate", "nowhere", "-o", "json")
    assert first == last
    assert json.loads(first.out)["problems"][0]["code"] == "FT1000"


@pytest.mark.parametrize("words", [["apply"], ["destroy"]])
def test_without_a_terminal_approval_is_asked_for_at_once(ftctl, monkeypatch, words):
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    monkeypatch.setattr(workflow, "load", lambda *_: pytest.fail("something was done before"))
    said = ftctl(*words)
    assert said.code == Exit.USAGE
    assert said.err.startswith("error FT3103: ")


def test_an_unexpected_exception_is_a_bug_and_tells_no_secret(ftctl, monkeypatch):
    def broken(*_):
        raise RuntimeError("sig=SECRET")

    monkeypatch.setattr(workflow, "load", broken)
    said = ftctl("validate")
    assert said.code == Exit.ERROR
    assert said.err.startswith(f"error FT6900: ftctl {__version__} has a bug: RuntimeError in ")
    assert "Traceback" not in said.err
    assert "SECRET" not in said.err
    monkeypatch.setenv("FTCTL_DEBUG", "1")
    with pytest.raises(RuntimeError):
        ftctl("validate")


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (FtctlError(Problem("FT3101", "stale")), 7)])
def test_what_stops_a_command_is_its_exit_code(ftctl, monkeypatch, error, code):
    def raising(*_):
        raise error

    monkeypatch.setattr(workflow, "load", raising)
    assert ftctl("plan").code == code


def test_a_reader_that_leaves_is_no_error_to_tell_of():
    code = "import sys; from ftctl.cli.root import run; sys.exit(run(['explain']))"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


def test_output_in_a_narrow_encoding_is_no_error(tmp_path):
    words = ["init", str(tmp_path / "d\u00e9mo\u2192")]
    code = f"import sys; from ftctl.cli.root import run; sys.exit(run({words!a}))"
    said = python(code, PYTHONIOENCODING="ascii")
    assert (said.returncode, said.stderr) == (0, "")
    assert "/d\\xe9mo\\u2192/tone.yaml" in said.stdout


# --- explain, schema


def test_explain_shows_a_page_and_lists_all(ftctl, golden):
    golden("explain-FT3101", ftctl("explain", "ft3101").out)
    assert [line[:6] for line in ftctl("explain").out.splitlines() if line.startswith("FT")] == sorted(CODES)


def test_the_schema_is_one_json_document(ftctl):
    assert json.loads(ftctl("schema").out)["title"] == "An ftctl stack"


# --- init, validate


@pytest.mark.parametrize("template", ["sft", "lab"])
def test_what_init_writes_is_valid(ftctl, template):
    said = ftctl("init", "--template", template, "--name", "my-tone")
    assert (said.code, said.err) == (0, "")
    assert all(Path(line.split()[1]).exists() for line in said.out.splitlines() if line.startswith("Wrote"))
    valid = ftctl("validate")
    assert (valid.code, valid.err) == (0, "")
    assert valid.out.startswith("specs/my-tone.yaml: valid. Stack my-tone, ")


def test_init_writes_over_nothing(ftctl):
    ftctl("init")
    before = Path("specs/tone.yaml").read_bytes()
    said = ftctl("init", "--template", "lab")
    assert said.code == Exit.ERROR
    assert said.err.startswith("error FT6003: specs/tone.yaml exists already")
    assert Path("specs/tone.yaml").read_bytes() == before


def test_a_second_stack_shares_the_sample_data_unless_it_was_changed(ftctl):
    ftctl("init")
    assert ftctl("init", "--name", "other").code == 0
    Path("specs/data/train.jsonl").write_text("", encoding="utf-8")
    said = ftctl("init", "--name", "third")
    assert (said.code, Path("specs/third.yaml").exists()) == (1, False)


@pytest.mark.parametrize("name", ["../x", "X", "a", "a" * 33])
def test_init_takes_no_other_names(ftctl, name):
    assert ftctl("init", "--name", name).code == Exit.USAGE


def test_problems_of_a_spec(ftctl):
    ftctl("init")
    path = Path("specs/tone.yaml")
    path.write_text(path.read_text(encoding="utf-8").replace("capacity: 10", "capactiy: 10"), encoding="utf-8")
    said = ftctl("validate")
    assert said.code == Exit.DATA
    assert "│     capactiy: 10" in said.err
    assert 'Did you mean "capacity"?' in said.err
    github = ftctl("validate", "-o", "github")
    assert github.out.startswith("::error file=specs/tone.yaml,line=")
    sarif = ftctl("validate", "-o", "sarif")
    assert json.loads(sarif.out)["runs"][0]["results"][0]["ruleId"] == "FT1100"
    plan = ftctl("plan", "-o", "json")
    assert (plan.code, json.loads(plan.out)["problems"][0]["code"]) == (65, "FT1100")


# --- parts


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("45s", 45),
        ("30m", 1800),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1.5h", 5400),
        ("2", None),
        ("", None),
        ("-2d", None),
    ],
)
def test_lengths_of_time(text, length):
    assert options.seconds(text) == length


def test_the_command_to_go_on_with_repeats_no_secret():
    request = Request(
        (Path("my specs"),), "prod", {"capacity": "5", "SAS": "abc", "url": "?sig=x"}, retry=(Address("job", "tone"),)
    )
    command = Order(request).resume(())
    assert command == "ftctl apply 'my specs' -e prod --var capacity=5 --var 'SAS=***' --var 'url=***' --retry job/tone"
    assert "--var 'capacity=***'" in Order(request).resume({"capacity"})


def test_the_first_interrupt_asks_and_the_second_leaves():
    code = """
import os, signal, sys, threading
from ftctl.cli.interrupts import stopping
asked = threading.Event()
with stopping(asked.set, print):
    os.kill(os.getpid(), signal.SIGINT)
    assert asked.wait(5)
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGINT)
    threading.Event().wait(5)
"""
    said = python(code)
    assert said.returncode == Exit.INTERRUPTED
    assert said.stdout == "\n".join(interrupts.MESSAGE) + "\n"
