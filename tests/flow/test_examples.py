"""Every example folder, as its reader would run it: validated, planned, applied, planned again, destroyed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from ftctl.cli.root import run
from ftctl.core.errors import Exit
from ftctl.local.azure import Azure, Settings
from tests.golden import kept, normal

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = sorted(path.parent.name for path in EXAMPLES.glob("*/expected"))
PACE = 20_000.0  # the real training, in no time


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


@pytest.fixture
def ftctl(tmp_path, monkeypatch, capsys):
    """Command lines, run in a copy of the examples on a local Azure of their own."""
    folder = tmp_path / ".ftctl"
    Azure(folder, settings=Settings(pace=PACE)).close()
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTCTL_LOCAL_DIR", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("FTCTL_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def command(*words):
        capsys.readouterr()
        code = run(words)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return command


def parts(case):
    """What is given to the commands in turn: a folder's stacks, those that others build on first."""
    folder = Path("examples") / case
    stacks = sorted(
        (EXAMPLES / case).glob("*.yaml"), key=lambda path: ("manage: reference" in path.read_text("utf-8"), path)
    )
    return [str(folder)] if len(stacks) == 1 else [str(folder / path.name) for path in stacks]


@pytest.mark.parametrize("case", CASES)
def test_example(ftctl, case):
    expected = EXAMPLES / case / "expected"
    assert ftctl("validate", f"examples/{case}").code == Exit.DONE
    planned, applied = [], []
    for part in parts(case):
        plan = ftctl("plan", part)
        assert (plan.code, "error" in plan.err) == (Exit.DONE, False)
        planned.append(plan.out)
        done = ftctl("apply", part, "--auto-approve")
        assert done.code == Exit.DONE, done.err
        assert done.out.startswith(plan.out)  # what was planned is what is done
        applied.append(done.out.removeprefix(plan.out).lstrip("\n"))
    kept(expected / "plan.txt", normal("\n".join(planned)))
    kept(expected / "apply.txt", normal("\n".join(applied)))

    again = ftctl("plan", f"examples/{case}", "--detailed-exitcode")
    assert again.code == Exit.DONE
    assert all("nothing to do" in line.lower() for line in again.out.splitlines() if line)
    for part in reversed(parts(case)):
        assert ftctl("destroy", part, "--auto-approve").code == Exit.DONE
    last = ftctl("destroy", f"examples/{case}", "--auto-approve")
    assert last.code == Exit.DONE
    assert all("nothing to destroy" in line for line in last.out.splitlines())


def test_every_example_has_something_to_run():
    assert len(CASES) > 1
    assert all(parts(case) for case in CASES)
