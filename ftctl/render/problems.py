"""Problems as text: what, where with the source line, why, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ftctl.core.codes import CODES
from ftctl.core.errors import Problem, Severity, Where
from ftctl.render.look import Look, Style, clean, counted, width_of

_SPECS = {".yaml", ".yml"}  # nothing else is quoted: a data file's rows are nobody's business here
_BIGGEST = 1 << 20
_SECRET = re.compile(
    r"(?i)(?:\b(?:sig|sas|key|token|secret|password)=|"
    r"(?:secret|password|api[-_]?key|access[-_]?key|\bsas|\btoken)[\"']?\s*:\s*)[\"']?([^\s\"'&#$][^\s\"'&#]*)"
)


def problems_text(problems: Iterable[Problem], look: Look, *, hint: bool = True) -> str:
    """All problems, with their number where there are several. The same reason and fix are told once."""
    problems = tuple(problems)
    told: set[tuple[str, str]] = set()
    blocks = [_block(problem, look, told) for problem in problems]
    if len(problems) > 1:
        blocks.append([look.paint(f"{tell_number(problems)}.", Style.BOLD)])
    if hint and problems:
        code = problems[0].code
        blocks.append([look.paint(f"More about it: ftctl explain {code}", Style.DIM)])
    return "\n\n".join("\n".join(lines) for lines in blocks)


def tell_number(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning`."""
    severities = [problem.severity for problem in problems]
    counts = [(severities.count(severity), severity) for severity in Severity]
    return ", ".join(counted(number, severity) for number, severity in counts if number) or "no problems"


def reason_and_fix(problem: Problem) -> tuple[str, str]:
    """The problem's own words, or where it has none its code's."""
    code = CODES.get(problem.code)
    return problem.why or (code.why if code else ""), problem.fix or (code.fix if code else "")


def _block(problem: Problem, look: Look, told: set[tuple[str, str]]) -> list[str]:
    style = Style.YELLOW if problem.severity is Severity.WARNING else Style.BOLD
    mark = f"{problem.severity} {problem.code}: "
    lines = look.wrap(_sentence(problem), mark, "  ")
    lines[0] = look.paint(mark.rstrip(), style) + lines[0][len(mark) - 1 :]
    lines += _place(problem, look)
    for label, text in zip(("why", "fix"), reason_and_fix(problem), strict=True):
        if text and (problem.code, text) not in told:
            told.add((problem.code, text))
            lines += look.wrap(clean(text), f"  {label}: ")
    if problem.correlation:
        lines.append(f"  correlation id: {clean(problem.correlation)}")
    return lines


def _sentence(problem: Problem) -> str:
    """What is wrong; whose problem it is stands before it unless it says so itself."""
    what = clean(problem.what).rstrip(".")
    subject = clean(problem.subject)
    return what if not subject or subject in what else f"{subject}: {what}"


def _place(problem: Problem, look: Look) -> list[str]:
    where = problem.where
    if where is None:
        return []
    lines = [f"  at {clean(str(where))}"]
    source = source_line(where)
    return lines + (_excerpt(source, where, look) if source else [])


def source_line(where: Where) -> str:
    """The line of a spec that `where` points at, secrets blotted out; empty where there is none to show."""
    path = Path(where.path)
    if not where.line or path.suffix.lower() not in _SPECS:
        return ""
    try:
        if path.stat().st_size > _BIGGEST:
            return ""
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    line = lines[where.line - 1] if where.line <= len(lines) else ""
    return _SECRET.sub(lambda match: match[0].replace(match[1], "*" * len(match[1])), line).rstrip()


def _excerpt(source: str, where: Where, look: Look) -> list[str]:
    """The source line with a mark below the place; a long one is cut to the part around it."""
    bar, dots = look.pick("│", "|"), look.pick("…", "...")
    gutter = f"  {where.line} {bar} "
    column = max(where.column, 1) - 1
    room = look.width - width_of(gutter) - 2 * len(dots)
    start = max(0, column - room // 2) if width_of(source) > room else 0
    end = start + room
    prefix, suffix = (dots if start else ""), (dots if len(source) > end else "")
    before, after = clean(source[start:column]).expandtabs(4), clean(source[column:end]).expandtabs(4)
    lines = [f"{gutter}{prefix}{before}{after}{suffix}"]
    if where.column and column < len(source):
        blank = " " * width_of(f"{prefix}{before}")
        empty = " " * (len(gutter) - len(bar) - 1) + bar + " "
        lines.append(f"{empty}{blank}{look.paint('^' * _length(source[column:end]), Style.BOLD)}")
    return lines


def _length(rest: str) -> int:
    """How far the mark goes: to the end of the key, quoted text or word that begins there."""
    word = re.match(r"\"[^\"]*\"|'[^']*'|[^\s:,\]}]+", rest)
    return width_of(clean(word[0])) if word else 1
