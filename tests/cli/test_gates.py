"""Gates as people see them: plan, apply with --auto-approve, status and JSON, passed and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ftctl.cli.root import run
from ftctl.core.errors import Exit
from ftctl.local.azure import Azure, Settings
from tests.golden import kept, normal

EXAMPLE = Path(__file__).parents[2] / "examples" / "gates"
GOLDEN = Path(__file__).parent / "golden"
SPEC = "ferry-desk.yaml"


@pytest.fixture
def ftctl(tmp_path, monkeypatch, capsys):
    """Command lines in a copy of the example; what they print."""
    folder = tmp_path / ".ftctl"
    Azure(folder, settings=Settings(pace=20_000.0)).close()
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTCTL_LOCAL_DIR", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FTCTL_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def command(*words):
        capsys.readouterr()
        code = run(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def edit(before: str, after: str) -> None:
    text = Path(SPEC).read_text("utf-8")
    assert before in text
    Path(SPEC).write_text(text.replace(before, after), "utf-8")


def golden(name: str, *outputs: str) -> None:
    kept(GOLDEN / f"gates-{name}.txt", normal("\n".join(outputs)))


def test_a_first_model_that_is_refused(ftctl):
    edit("max: 4.2", "max: 3")
    code, out, err = ftctl("apply", SPEC, "--auto-approve")
    assert code == Exit.GATE
    assert err.count("error FT3230") == 1
    golden("first-refused", out.partition("to judge.\n")[2])


def test_a_model_that_is_refused_leaves_what_serves(ftctl):
    assert ftctl("apply", SPEC, "--auto-approve")[0] == Exit.DONE
    edit("n_epochs: 6", "n_epochs: 1")
    edit("max: 4.2", "max: 4.1")
    first = ftctl("apply", SPEC, "--auto-approve")
    assert first[0] == Exit.GATE
    edit("capacity: 20", "capacity: 20\n  spare:\n    model: {name: gpt-4.1-mini, version: '2025-04-14'}")
    code, out, err = ftctl("plan", SPEC)
    assert code == Exit.GATE
    golden("refused-plan", out, err)
    code, out, err = ftctl("apply", SPEC, "--auto-approve")
    assert code == Exit.GATE
    assert err.count("error FT3230") == 1
    assert "deployment/spare  created" in out
    golden("refused-apply", out.partition("blocked.\n")[2])
    code, out, _ = ftctl("status", SPEC)
    golden("refused-status", out)
    code, out, _ = ftctl("apply", SPEC, "--auto-approve")
    assert code == Exit.GATE  # nothing is left to do, and the gate refuses still
    assert "blocked" in out


def test_refusals_for_machines(ftctl):
    edit("max: 4.2", "max: 3")
    code, out, _ = ftctl("apply", SPEC, "--auto-approve", "-o", "json")
    assert code == Exit.GATE
    (stack,) = json.loads(out)["stacks"]
    (planned,) = [one for one in stack["plan"]["changes"] if one["kind"] == "gate"]
    assert (planned["action"], planned["actions"]) == ("judge", ["read"])
    assert planned["because"][1] == "gate: full_valid_loss at most 3"
    assert planned["after"]["conditions"][0] == "full_valid_loss at most 3"
    assert stack["plan"]["summary"]["judge"] == 1
    (judged,) = [one for one in stack["report"]["outcomes"] if one["op"] == "judge"]
    assert judged["result"] == "failed"
    assert [one["passed"] for one in judged["outputs"]["conditions"]] == [False, True, True]
    assert judged["outputs"]["conditions"][0]["value"] == pytest.approx(4.03068, abs=1e-4)
    assert judged["problem"]["code"] == "FT3230"
    code, out, _ = ftctl("plan", SPEC, "-o", "json")
    assert code == Exit.GATE
    (plan,) = json.loads(out)["plans"]
    assert {one["address"]: one["action"] for one in plan["changes"] if one["action"] != "no-op"} == {
        "gate/ferry-desk": "blocked",
        "deployment/ferry-desk": "blocked",
    }


def test_a_saved_plan_beside_a_refusal_carries_out_the_rest(ftctl):
    edit("max: 4.2", "max: 3")
    ftctl("apply", SPEC, "--auto-approve")
    edit("capacity: 20", "capacity: 20\n  spare:\n    model: {name: gpt-4.1-mini, version: '2025-04-14'}")
    assert ftctl("plan", SPEC, "--out", "saved.json")[0] == Exit.GATE
    code, out, _ = ftctl("apply", "saved.json")
    assert code == Exit.GATE
    assert "deployment/spare  created" in out
    assert "waits for gate/ferry-desk" in out
