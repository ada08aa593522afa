"""Start-up, validate and plan as whole processes, beside the interpreter alone: `make bench`.

Prints medians of runs that take turns, since machines are noisy; it judges nothing and fails nothing.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ftctl.embedded import Server, announce, withdraw
from ftctl.local.azure import Azure, Settings

ROUNDS = 9
HEAVY = ("openai", "azure", "jsonschema", "rich", "deepdiff")
ROOT = Path(__file__).parents[2]
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "ftctl --help": ["-m", "ftctl", "--help"],
    "ftctl version": ["-m", "ftctl", "version"],
    "ftctl validate specs": ["-m", "ftctl", "validate", "specs"],
    "ftctl plan specs": ["-m", "ftctl", "plan", "specs"],
}
GOALS = {
    "ftctl --help": "at most 100 ms over python",
    "ftctl version": "at most 100 ms over python",
    "ftctl validate specs": "at most 300 ms",
    "ftctl plan specs": "at most 1000 ms, server up",
}


def run(arguments: list[str]) -> float:
    """Milliseconds of a whole process."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True)
    return (time.perf_counter() - began) * 1000


def imported(arguments: list[str]) -> set[str]:
    """Which of the heavy packages a command imports."""
    told = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stderr
    names = {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines() if "|" in line}
    return names & set(HEAVY)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ftctl-bench-") as folder:
        os.environ["FTCTL_LOCAL_DIR"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its byte code
        azure = Azure(Path(folder), settings=Settings(pace=20_000))
        with azure.serve() as served:
            announce(Path(folder), Server(served.url, os.getpid()))
            run(["-m", "ftctl", "apply", "specs", "--auto-approve"])
            azure.calls.clear()
            run(["-m", "ftctl", "plan", "specs"])
            calls = [call for call in azure.calls if call.plane != "open"]
            times: dict[str, list[float]] = {name: [] for name in COMMANDS}
            for _ in range(ROUNDS):
                for name, arguments in COMMANDS.items():
                    times[name].append(run(arguments))
            floor = statistics.median(times["python -c pass"])
            print(
                f"{'whole process, ms':24}{'median':>8}{'min':>8}{'max':>8}{'over python':>13}  imports, and the goal"
            )
            for name, figures in times.items():
                median = statistics.median(figures)
                heavy = ", ".join(sorted(imported(COMMANDS[name]))) or "none of the heavy ones"
                goal = f"; {GOALS[name]}" if name in GOALS else ""
                print(
                    f"{name:24}{median:8.0f}{min(figures):8.0f}{max(figures):8.0f}{median - floor:13.0f}  {heavy}{goal}"
                )
            print(f"\nplan made {len(calls)} calls, sign-in among them; it depends on accounts and kinds alone:")
            for call in calls:
                print(f"  {call.method:5}{call.route}")
        withdraw(Path(folder), os.getpid())
        azure.close()


main()
