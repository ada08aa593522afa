"""Whether a job fits what it names, offline: its data's format, graders' references, images, how much it would read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ftctl.core.errors import Problem, Severity
from ftctl.core.model import Address, Resource
from ftctl.kinds import recipe
from ftctl.kinds.contract import Flaw, account_of, trainer
from ftctl.kinds.graders import AT, JUDGES, ScoreModel, parts, templates

if TYPE_CHECKING:
    from ftctl.data.report import Report
    from ftctl.kinds.job import JobSpec

_SEEING = ("gpt-4o", "gpt-4.1")  # AZURE: Vision: gpt-4o, gpt-4.1
_OPENAI = ("gpt-", "o1", "o3", "o4", "babbage", "davinci")
_NAMED = 3  # lines of examples
_VOLUME, _OPEN_VOLUME = 2_000_000_000, 3_000_000_000  # tokens times epochs of one job; open-weight models take more


def named(spec: JobSpec) -> dict[str, Address]:
    """The datasets that a job names, by the field that does."""
    names = {"training": spec.training, **({"validation": spec.validation} if spec.validation else {})}
    return {field: Address("dataset", name) for field, name in names.items()}


def flaws(resource: Resource, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
    """What does not fit between a job and its data, its grader, and the job that it goes on from."""
    spec = resource.spec
    data = {field: declared[at] for field, at in named(spec).items() if at in declared}
    model = recipe.root(recipe.beginning(spec, declared))
    yield from _data_flaws(spec, declared)
    yield from _predecessor_flaws(resource, declared)
    for field, one in data.items():
        yield from _format_flaws(resource, field, one)
        if report := one.prepared.get("report"):
            yield from _file_flaws(field, one.prepared["shown"], report, model)
    if not isinstance(spec.method, str):
        yield from grader_flaws(spec.method.reinforcement.grader, data.values())
    if "training" in data and (report := data["training"].prepared.get("report")):
        yield from _volume_flaws(spec, report, model)


def _predecessor_flaws(resource: Resource, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
    if isinstance(resource.spec.model, str):
        return
    former = declared.get(trainer(resource, resource.spec.model.job))
    if former and account_of(former) != account_of(resource):
        what = f"{former.address} trains in {account_of(former)}, the job in {account_of(resource)}"
        yield Flaw("model.job", Problem("FT1279", what))


def _format_flaws(resource: Resource, field: str, data: Resource) -> Iterator[Flaw]:
    method = recipe.name_of(resource.spec.method)
    needed = recipe.FORMATS[method]
    if data.spec.format != needed:
        at = data.place("format") or data.where
        what = f"{method} training learns from `format: {needed}`, and {data.address} has {data.spec.format} ({at})"
        yield Flaw(field, Problem("FT1271", what))


def _file_flaws(field: str, shown: str, report: Report, model: str) -> Iterator[Flaw]:
    if report.images and model and not _sees(model):
        what = f"{shown} has {report.images:,} images, and {model} is not known to learn from images"
        yield Flaw(field, Problem("FT1278", what, severity=Severity.WARNING))


def _sees(model: str) -> bool:
    """By the name without its date; what is not OpenAI's is not known to."""
    return any(model.lower() == name or model.lower().startswith(f"{name}-20") for name in _SEEING)


def grader_flaws(grader: Any, data: Iterable[Resource], at: str = AT) -> Iterator[Flaw]:
    """Judges that are not known, and templates that name what the data does not have."""
    for path, part in parts(grader, at):
        if isinstance(part, ScoreModel) and part.model not in JUDGES:
            what = f"{part.model} is not known to score answers; known: {', '.join(JUDGES)}"
            yield Flaw(f"{path}.model", Problem("FT1280", what, severity=Severity.WARNING))
    reports = {one.prepared["shown"]: report for one in data if (report := one.prepared.get("report"))}
    for path, template in templates(grader, at):
        yield from _template_flaws(path, template, reports)


def _template_flaws(path: str, template: str, reports: Mapping[str, Report]) -> Iterator[Flaw]:
    from ftctl.data.reinforcement import references, template_faults  # noqa: PLC0415  decoding is only needed where there is data

    told: set[str] = set()
    for shown, report in reports.items() or {"": None}.items():
        keys = _item_keys(report) if report else dict.fromkeys(references(template), 0)
        for fault in template_faults(template, keys):
            if fault.what not in told:
                told.add(fault.what)
                place = f" ({shown})" if shown and fault.code == "FT1330" else ""
                yield Flaw(path, Problem(fault.code, f"{fault.what}{place}", fix=fault.fix))
        for key in dict.fromkeys(references(template)):
            if report and 0 < keys.get(key, 0) < report.sound:
                lacking = f"{report.sound - keys[key]:,} of {report.sound:,} examples of {shown}"
                what = f"{{{{item.{key}}}}} is missing in {lacking}"
                yield Flaw(path, Problem("FT1284", what, severity=Severity.WARNING))


def _item_keys(report: Report) -> Mapping[str, int]:
    """What graders know of an example, and of how many. Only evaluations ask about chat."""
    from ftctl.data.heldout import CHAT_KEYS  # noqa: PLC0415  decoding is only needed where there is data

    return dict.fromkeys(CHAT_KEYS, report.sound) if report.format == "chat" else report.item_keys


def _volume_flaws(spec: Any, report: Report, model: str) -> Iterator[Flaw]:
    epochs = spec.hyperparameters.n_epochs
    if not isinstance(epochs, int) or report.tokens is None:
        return
    tokens = epochs * sum(length * number for length, number in report.tokens.billed.items())
    most = _VOLUME if not model or model.lower().startswith(_OPENAI) else _OPEN_VOLUME
    if tokens > most:
        what = f"{epochs} epochs would read {tokens:,} tokens, and a job takes up to {most:,}"
        yield Flaw("hyperparameters.n_epochs", Problem("FT1282", what))


def _data_flaws(spec: JobSpec, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
    """What is wrong with local data for this job: examples too long for its model, or that stand in both files."""
    data = {field: declared[found] for field, found in named(spec).items() if found in declared}
    read = {field: one.prepared for field, one in data.items() if "checked" in one.prepared}
    for field, facts in read.items():
        if problem := _too_long(facts["checked"].report, facts["shown"], recipe.beginning(spec, declared)):
            yield Flaw(field, problem)
    if {"training", "validation"} <= read.keys():
        from ftctl.data.check import leaks  # noqa: PLC0415  decoding is only needed where there is data

        if found := leaks(read["training"]["checked"], read["validation"]["checked"]):
            what = f"{read['training']['shown']}: {found.what}"
            yield Flaw("validation", Problem(found.code, what, severity=Severity.WARNING))


def _too_long(report: Report, shown: str, model: str) -> Problem | None:
    """The examples that have more tokens than the model takes; a warning where the tokens are only guessed."""
    from ftctl.catalog.lengths import longest_example  # noqa: PLC0415  decoding is only needed where there is data
    from ftctl.data.tokens import ESTIMATE  # noqa: PLC0415  the same

    limit, tokens = longest_example(model), report.tokens
    if limit is None or tokens is None:
        return None
    number = sum(examples for length, examples in tokens.total.items() if length > limit)
    if not number:
        return None
    lines = sorted(long.line for long in tokens.longest if long.tokens > limit)
    named = ", ".join(map(str, lines[:_NAMED])) + (" …" if number > _NAMED else "")
    noun, verb = ("example", "has") if number == 1 else ("examples", "have")
    what = f"{number:,} {noun} of {shown} {verb} more than the {limit:,} tokens that {model} takes: "
    what += f"line {named}; the longest has {tokens.longest[0].tokens:,}"
    severity = Severity.WARNING if tokens.encoding == ESTIMATE else Severity.ERROR
    return Problem("FT1323", what, severity=severity)
