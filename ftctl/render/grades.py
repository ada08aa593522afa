"""What a grader said of answers, as text and as JSON. Neither shows the data nor the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean

from ftctl.render.findings import document
from ftctl.render.look import Look, Style, clean, counted


@dataclass(frozen=True, slots=True)
class Grade:
    """The reward of one answer: for the example at `line`, with the service's names of what went wrong."""

    line: int
    reward: float
    errors: tuple[str, ...] = ()
    parts: Mapping[str, float] = field(default_factory=dict)


def grades_text(job: str, shown: str, grades: Sequence[Grade], look: Look) -> str:
    """A line for each example, and the mean of all."""
    if not grades:
        return f"{job}: there is nothing to grade in {shown}."
    head = f"{job} on {counted(len(grades), 'example')} of {shown}"
    width = len(str(grades[-1].line))
    lines = [look.paint(clean(head), Style.BOLD)]
    for one in grades:
        parts = ", ".join(f"{clean(name)} {value:.3f}" for name, value in one.parts.items())
        more = f" ({parts})" if parts else ""
        wrong = f" {clean(', '.join(one.errors))}" if one.errors else ""
        lines += look.wrap(f"{one.reward:.3f}{more}{wrong}", f"  line {one.line:>{width}}  ")
    failed = sum(bool(one.errors) for one in grades)
    mean = f"Mean reward {fmean(one.reward for one in grades):.3f}"
    lines.append(f"{mean}; the grader failed on {failed} of {len(grades)}." if failed else f"{mean}.")
    return "\n".join(lines)


def grades_json(job: str, shown: str, grades: Sequence[Grade]) -> str:
    mean = fmean(one.reward for one in grades) if grades else None
    return document(job=job, data=shown, mean_reward=mean, grades=[asdict(one) for one in grades], problems=[])
