"""Sweeps as people see them: the plan of eight jobs, results side by side, logs, cost, and names that shells take."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ftctl.cli.root import run
from ftctl.core.errors import Exit
from ftctl.local.azure import Azure, Settings
from tests.golden import kept, normal

EXAMPLE = Path(__file__).parents[2] / "examples" / "sweep"
GOLDEN = Path(__file__).parent / "golden"
SPEC = "museum-desk.yaml"
BEST = "desk:n_epochs=4:learning_rate_multiplier=0.5"


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
    kept(GOLDEN / f"sweep-{name}.txt", normal("\n".join(outputs)))


def test_a_plan_of_eight_jobs_is_read_at_eighty_columns(ftctl):
    edit("    seed: 7\n", "")
    edit("n_epochs: [2, 4]", "n_epochs: [2, 4]\n      seed: [7, 8]")
    code, out, _ = ftctl("plan", SPEC)
    assert code == Exit.DONE
    lines = out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("Plan: ")) <= 80  # that sentence is for scripts too
    assert sum("  $   train job/desk:" in line for line in lines) == 8
    golden("eight", out.partition("  $   train")[2])


def test_an_over_expensive_sweep_is_told_in_one_sentence(ftctl):
    edit("maxCost: 1 ", "maxCost: 0.001 ")
    code, _, err = ftctl("plan", SPEC)
    assert code == Exit.BLOCKED
    assert err.count("error FT3020") == 1
    golden("over-budget", err.partition("error ")[2].partition("\n\n")[0])


def test_what_there_is_to_see_of_a_sweep(ftctl):
    code, out, err = ftctl("results", "desk", "-f", SPEC)
    assert (code, "FT6101" in err) == (Exit.PENDING, True)
    assert ftctl("apply", SPEC, "--auto-approve")[0] == Exit.DONE

    code, out, _ = ftctl("results", "job/desk", "-f", SPEC)
    assert code == Exit.DONE
    heads = [line for line in out.splitlines() if line[1:3] == "  "][:4]
    assert heads == [
        "A  desk:n_epochs=2:learning_rate_multiplier=0.2",
        "B  desk:n_epochs=2:learning_rate_multiplier=0.5",
        "C  desk:n_epochs=4:learning_rate_multiplier=0.2",
        f"D  {BEST}, picked",
    ]
    _, out, _ = ftctl("results", "desk", "-f", SPEC, "-o", "json")
    assert [(one["name"], one.get("picked", False)) for one in json.loads(out)["runs"]][3] == (BEST, True)
    assert [one["field"] for one in json.loads(out)["differing"]] == ["learning_rate_multiplier", "n_epochs"]

    code, out, err = ftctl("results", BEST, "-f", SPEC)
    assert out.startswith(BEST)
    code, out, err = ftctl("logs", f"job/{BEST}", "-f", SPEC)
    assert (code, f"job/{BEST} (ftjob-" in err) == (Exit.DONE, True)
    _, out, _ = ftctl("plan", SPEC, "-o", "json")
    ids = {one["address"]: one["id"] for one in json.loads(out)["plans"][0]["changes"]}
    assert ids[f"job/{BEST}"] in err  # its own, though all four have one suffix

    code, _, err = ftctl("logs", "desk", "-f", SPEC)
    assert (code, "job/desk is a sweep of 4 jobs" in err) == (Exit.USAGE, True)
    golden("cost", ftctl("cost", SPEC)[1].partition("\n\n  hosting")[0])
    golden("status", ftctl("status", SPEC)[1])
    code, out, _ = ftctl("chat", "museum-desk", "-f", SPEC, "--once", "Where is the cloakroom?")
    assert (code, bool(out.strip())) == (Exit.DONE, True)


def test_what_has_measured_nothing_is_left_out_and_told(ftctl):
    assert ftctl("apply", SPEC, "--auto-approve")[0] == Exit.DONE
    edit("n_epochs: [2, 4]", "n_epochs: [2, 4, 5]")
    code, out, err = ftctl("results", "desk", "-f", SPEC)
    assert code == Exit.DONE
    assert err.count("is declared, but not in Azure.") == 2
    assert "picked" not in out  # not before all have ended
