"""The preflight of a plan as text: one line of numbers, and below it only what did not pass."""

from __future__ import annotations

from ftctl.core.changes import Plan
from ftctl.core.model import Finding, Standing
from ftctl.core.preflight import counted, table
from ftctl.render.look import Look, Style, clean, padded

_WIDTH = max(map(len, Standing)) + 2
_STYLES = {Standing.FAIL: Style.RED, Standing.WARN: Style.YELLOW, Standing.UNVERIFIED: Style.CYAN}


def preflight_lines(plan: Plan, look: Look) -> list[str]:
    """Nothing where nothing was checked; what several things have in common is told once."""
    told = counted(plan)
    if not told:
        return []
    lines = [look.paint(f"Preflight: {told}", Style.BOLD)]
    for (standing, what, basis), subjects in grouped(plan).items():
        mark = "  " + padded(standing, _WIDTH)
        about = f"{_subjects(subjects)}: {what} ({basis})"
        wrapped = look.wrap(clean(about), mark, " " * len(mark))
        wrapped[0] = wrapped[0].replace(standing, look.paint(standing, _STYLES[standing]), 1)
        lines += wrapped
    return lines


def grouped(plan: Plan) -> dict[tuple[Standing, str, str], list[str]]:
    """What did not pass, with what each is about; a check of the whole plan is about what it checks."""
    found: dict[tuple[Standing, str, str], list[str]] = {}
    for address, one in table(plan):
        if one.standing is not Standing.PASS:
            found.setdefault((one.standing, one.what, one.basis), []).append(subject(address, one))
    return found


def subject(address: str, finding: Finding) -> str:
    return address or finding.check


def _subjects(names: list[str]) -> str:
    more = len(names) - 1
    return f"{names[0]} and {more} more" if more > 1 else " and ".join(names)
