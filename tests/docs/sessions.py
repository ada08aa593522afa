"""Shell sessions of a page: found in its `console` blocks, run for real in one shell, and written back.

In a block a command follows `$ `, its further lines follow `> `, and what it printed stands below: stdout, and where a
command fails stderr too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tests.golden import normal

_BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.DOTALL | re.MULTILINE)
_QUIET = {0, 2}  # done, and `there are changes`
_OURS = ("FTCTL_", "AZURE_", "OPENAI_", "IDENTITY_")
_LOOK = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True)
class Step:
    command: str
    output: str

    def __str__(self) -> str:
        return "$ " + "\n> ".join(self.command.split("\n")) + "\n" + self.output


def blocks(page: str) -> list[list[Step]]:
    """The sessions of a page, in order."""
    return [_steps(found[0]) for found in _BLOCK.finditer(page)]


def _steps(block: str) -> list[Step]:
    steps: list[Step] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append(Step(line[2:].rstrip("\n"), ""))
        elif line.startswith("> ") and not steps[-1].output:
            steps[-1] = replace(steps[-1], command=f"{steps[-1].command}\n{line[2:].rstrip()}")
        else:
            steps[-1] = replace(steps[-1], output=steps[-1].output + line)
    return steps


def run(commands: list[str], folder: Path, scratch: Path, *, timeout: float) -> list[Step]:
    """Run all commands in one bash, so that variables last from one to the next."""
    lines = []
    for number, command in enumerate(commands):
        lines.append(f"{{ {command}\n}} >{scratch}/{number}.out 2>{scratch}/{number}.err </dev/null")
        lines.append(f"echo $? >{scratch}/{number}.code")
    bash = ["bash", "-c", "\n".join(lines)]
    subprocess.run(bash, cwd=folder, env=_environment(), check=True, timeout=timeout)
    return [Step(command, _shown(scratch, number)) for number, command in enumerate(commands)]


def _environment() -> dict[str, str]:
    """This process's environment without what changes output, and with the `ftctl` of this interpreter first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS) and name not in _LOOK}
    return kept | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}", "LC_ALL": "C.UTF-8"}


def _shown(scratch: Path, number: int) -> str:
    said = {what: (scratch / f"{number}.{what}").read_text("utf-8") for what in ("out", "err", "code")}
    text = said["out"] if int(said["code"]) in _QUIET else said["out"] + said["err"]
    return text.strip("\n") + "\n" if text.strip() else ""


def rewritten(page: str, ran: list[Step]) -> str:
    """The page with what was printed now: all of it, so that ids fit each other; none of it where nothing is new."""
    shown = [step for block in blocks(page) for step in block]
    if [normal(step.output).strip() for step in shown] == [normal(step.output).strip() for step in ran]:
        return page
    steps = iter(ran)
    return _BLOCK.sub(lambda found: _written([next(steps) for _ in _steps(found[0])]), page)


def _written(steps: list[Step]) -> str:
    """A block: between what one command printed and the next command stands an empty line."""
    return "".join(f"{step}\n" if step.output and step is not steps[-1] else str(step) for step in steps)
