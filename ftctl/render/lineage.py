"""Where deployments come from: as text, and as JSON with a published schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ftctl.core.errors import Problem
from ftctl.render.findings import document, problems_json
from ftctl.render.look import Look, Style, clean, counted, padded
from ftctl.results.columns import title
from ftctl.results.lineage import Data, Job, Lineage
from ftctl.results.numbers import number

_SHORT = 12  # digits of a digest that people only compare
_COLUMN = 12
_MINUTE = len("2026-01-01T00:00")


def lineage_json(found: Sequence[Lineage], problems: Sequence[Problem]) -> str:
    return document(deployments=msgspec.to_builtins(list(found)), problems=problems_json(problems))


def lineage_text(one: Lineage, look: Look) -> str:
    """A deployment at the width of a terminal."""
    blocks = [_block(f"deployment/{clean(one.name)}", _deployment(one), look)]
    for number_, job in enumerate(one.line):
        before = "went on from " if number_ else ""
        blocks.append(_block(f"{before}{clean(job.declared or job.id)}", _job(job), look))
    if one.gate:
        rows = [("", f"{'passed' if each.passed else 'refused'}: {each.told}") for each in one.gate.conditions]
        blocks.append(_block(f"The gate {'lets it pass' if one.gate.passed else 'refuses it'}", rows, look))
    if one.unknown:
        blocks.append(_block("Not known", [("", text) for text in one.unknown], look))
    return "\n\n".join(blocks)


def _block(head: str, rows: Sequence[tuple[str, str]], look: Look) -> str:
    """A head, and below it labelled lines; what has no text is left out."""
    column = _COLUMN if any(name for name, _ in rows) else 0
    lines = [look.paint(head, Style.BOLD)]
    for name, text in rows:
        lines += look.wrap(clean(text), f"  {padded(name, column)}") if text else []
    return "\n".join(lines)


def _deployment(one: Lineage) -> list[tuple[str, str]]:
    origin = one.origin
    return [
        ("stack", one.owner),
        ("in", joined(one.account, one.location)),
        ("serves", joined(one.model.name, f"version {one.model.version}" if one.model.version else "")),
        ("checkpoint", checkpoint(one)),
        ("as", serving(one)),
        ("before", one.previous),
        ("revision", origin.revision),
        ("plan", origin.plan[:_SHORT]),
        ("approved", f"by {origin.approved}" if origin.approved else ""),
        ("written", joined(moment(origin.at), f"by {origin.by}" if origin.by else "")),
    ]


def _job(job: Job) -> list[tuple[str, str]]:
    return [
        ("stack", "" if job.declared else job.stack or "none that is known"),
        ("training", joined(job.id, job.status, moment(job.finished))),
        ("began with", job.model),
        ("recipe", joined(job.recipe.fingerprint, *_recipe(job))),
        *((f"{'learned' if data.role == 'training' else 'measured'} on", _content(data)) for data in job.data),
        ("billed", f"{job.tokens:,} tokens" if job.tokens is not None else ""),
        ("measures", joined(*(f"{title(name)} {number(value)}" for name, value in job.measures.items()))),
        ("verdict", job.verdict),
    ]


def _recipe(job: Job) -> Iterator[str]:
    yield str(job.recipe.fields.get("method", ""))
    yield from (f"{name} {chosen(value)}" for name, value in job.recipe.hyperparameters)


def _content(data: Data) -> str:
    size = counted(data.examples, "example") if data.examples is not None else _bytes(data)
    place = f"{data.path} at {data.revision[:_SHORT]}" if data.path and data.revision else data.path
    hashed = f"sha256 {data.sha256}" if data.sha256 else ""
    return joined(f"dataset/{data.dataset}" if data.dataset else data.file, size, place, hashed)


def _bytes(data: Data) -> str:
    return f"{data.bytes:,} bytes" if data.bytes is not None else ""


# --- words that the model card has too


def serving(one: Lineage) -> str:
    capacity = f"capacity {one.capacity:,}" if one.capacity is not None else ""
    return joined(one.sku, capacity, f"smoke test {one.checked}" if one.checked else "")


def checkpoint(one: Lineage) -> str:
    step = f"step {one.model.step:,}" if one.model.step is not None else ""
    return joined(one.model.checkpoint, step)


def chosen(value: Any) -> str:
    """A hyperparameter's value."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def moment(iso: str) -> str:
    """A time as people read it, to the minute; all of Azure's are in UTC."""
    return f"{iso[:10]} {iso[11:16]} UTC" if len(iso) > _MINUTE else iso
