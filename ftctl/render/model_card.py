"""A model card in Markdown: what is known of a served model. What nobody told is left out, and never made up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ftctl.render.lineage import checkpoint, chosen, joined, moment, serving
from ftctl.render.markdown import code, plain
from ftctl.results.columns import title
from ftctl.results.lineage import Job, Lineage
from ftctl.results.numbers import number

Rows = Iterable[Sequence[str]]


def model_cards(found: Sequence[Lineage]) -> str:
    return "\n\n".join(_card(one) for one in found)


def _card(one: Lineage) -> str:
    job, earlier = one.line[:1], one.line[1:]
    sections = {
        "Model": _facts(_model(one)),
        "Training data": _table(["", "dataset", "examples", "bytes", "content", "SHA-256"], _data(job)),
        "Training": _facts(row for each in job for row in _training(each)),
        "Hyperparameters": _table(["", ""], _hyperparameters(job)),
        "Results": _table(["measure", "at the checkpoint"], _results(job)),
        "Evaluation": _gate(one),
        "Earlier trainings": _table(["job", "began with", "recipe", "learned on"], map(_earlier, earlier)),
        "Provenance": _facts(_provenance(one)),
        "Not known": [f"- {plain(text)}" for text in one.unknown],
    }
    blocks = [[f"# {plain(one.name)}"], *([f"## {head}", "", *lines] for head, lines in sections.items() if lines)]
    return "\n\n".join("\n".join(block) for block in blocks)


def _model(one: Lineage) -> list[tuple[str, str]]:
    model = one.model
    return [
        ("model", joined(model.name, f"version {model.version}" if model.version else "")),
        ("base model", model.base if model.base != model.name else ""),
        ("checkpoint", checkpoint(one)),
        ("served as", serving(one)),
        ("account", joined(one.account, one.location)),
        ("stack", one.owner),
    ]


def _data(jobs: Sequence[Job]) -> Iterator[list[str]]:
    for data in (data for job in jobs for data in job.data):
        at = f" at {code(data.revision)}" if data.path and data.revision else ""
        where = code(data.path or data.file) + at
        hashed = code(data.sha256) if data.sha256 else ""
        yield [data.role, plain(data.dataset), _count(data.examples), _count(data.bytes), where, hashed]


def _count(value: int | None) -> str:
    return f"{value:,}" if value is not None else ""


def _training(job: Job) -> list[tuple[str, str]]:
    return [
        ("job", joined(job.declared, job.id)),
        ("method", str(job.recipe.fields.get("method", ""))),
        ("began with", job.model),
        ("begun", moment(job.created)),
        ("finished", moment(job.finished)),
        ("trained tokens", _count(job.tokens)),
        ("recipe", job.recipe.fingerprint),
        ("verdict", job.verdict),
    ]


def _hyperparameters(jobs: Sequence[Job]) -> Iterator[list[str]]:
    return ([plain(name), code(chosen(value))] for job in jobs for name, value in job.recipe.hyperparameters)


def _results(jobs: Sequence[Job]) -> Iterator[list[str]]:
    return ([plain(title(name)), number(value)] for job in jobs for name, value in job.measures.items())


def _gate(one: Lineage) -> list[str]:
    told = one.gate.conditions if one.gate else []
    return _table(["gate", ""], ([plain(each.told), "passed" if each.passed else "refused"] for each in told))


def _earlier(job: Job) -> list[str]:
    learned = [code(data.sha256 or data.file) for data in job.data if data.role == "training"]
    return [code(job.id), plain(job.model), plain(job.recipe.fingerprint), *learned[:1]]


def _provenance(one: Lineage) -> list[tuple[str, str]]:
    origin = one.origin
    return [
        ("git revision of the spec", origin.revision),
        ("digest of the plan", origin.plan),
        ("approved by", origin.approved),
        ("written", joined(moment(origin.at), f"by {origin.by}" if origin.by else "")),
        ("served before", one.previous),
    ]


def _facts(rows: Iterable[tuple[str, str]]) -> list[str]:
    return _table(["", ""], ([plain(name), plain(text)] for name, text in rows if text))


def _table(head: Sequence[str], rows: Rows) -> list[str]:
    found = list(rows)
    rule = ["---"] * len(head)
    return [f"| {' | '.join(row)} |" for row in (head, rule, *found)] if found else []
