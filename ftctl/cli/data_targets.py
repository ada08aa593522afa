"""Which data a command looks at: the datasets of stacks, or JSON Lines files by themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ftctl import workflow
from ftctl.cli import options
from ftctl.cli.session import nearby
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address, Resource

if TYPE_CHECKING:
    from ftctl.data.report import Bom, Checked, Format
    from ftctl.data.stats import Cost, Use
    from ftctl.spec.stack import Stack

F = TypeVar("F", bound=Callable[..., Any])

_SPECS = {".yaml", ".yml"}
_LEAK = "FT1352"  # is told with the data that it is about
TYPES = ("standard", "globalStandard", "developerTier")

targets = click.argument("targets", nargs=-1, type=click.Path(path_type=Path), metavar="[TARGET]...")


def file_options(function: F) -> F:
    """What a spec would say of a file that is given by itself."""
    formats = click.Choice(["chat", "preference", "reinforcement"])
    function = click.option("--model", metavar="NAME", default="", help="A file's model: its tokenizer and price.")(
        function
    )
    return click.option("--format", "format_", type=formats, default="chat", help="A file's format.  [default: chat]")(
        function
    )


@dataclass(frozen=True, slots=True)
class About:
    """What is asked of files that stand by themselves."""

    format_: Format = "chat"
    model: str = ""
    training_type: str = "globalStandard"
    epochs: int | None = None
    validation: Path | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """One data file, read.

    `dataset` is its address in a stack, empty for a file by itself; `uses` are the trainings on it. `partners` are the
    files that these measure on, or for a file that is measured on, those that are trained on.
    """

    path: Path
    shown: str
    checked: Checked
    dataset: str = ""
    uses: Sequence[Use] = ()
    partners: Sequence[Data] = ()
    format_: Format = "chat"
    bom: Bom = "keep"
    allow: Sequence[str] = ()

    @property
    def title(self) -> str:
        return f"{self.dataset}: {self.shown}" if self.dataset else self.shown


@dataclass(slots=True)
class Found:
    """The data that was asked for, and what does not fit between it and the jobs of its stacks."""

    data: list[Data] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find(paths: Sequence[Path], about: About, environment: str | None, variables: Mapping[str, str]) -> Found:
    """Read everything that TARGETs name; specs/ where there are none."""
    paths = paths or (Path("specs"),)
    files = [path for path in paths if not _is_spec(path)]
    specs = tuple(path for path in paths if _is_spec(path))
    found = Found([of_file(path, about) for path in files])
    for stack in workflow.read(options.request(specs, environment, variables)) if specs else ():
        prepared, _ = workflow.prepare(stack)
        found.data += of_stack(prepared)
        found.problems += [
            one for one in workflow.relate(prepared) if one.code.startswith("FT13") and one.code != _LEAK
        ]
    return found


def _is_spec(path: Path) -> bool:
    return path.suffix.lower() in _SPECS or path.is_dir()


def of_file(path: Path, about: About) -> Data:
    from ftctl.data.check import check  # noqa: PLC0415  decoding is only needed where there is data
    from ftctl.data.stats import Use  # noqa: PLC0415  the same
    from ftctl.data.tokens import encoding_of  # noqa: PLC0415  the same

    def read(one: Path) -> Checked:
        return check(one, nearby(one), format=about.format_, encoding=encoding_of(about.model))

    valid = about.validation
    partners = [Data(valid, nearby(valid), read(valid), format_=about.format_)] if valid else []
    use = Use("", about.model, about.training_type, about.epochs)
    return Data(path, nearby(path), read(path), uses=[use], partners=partners, format_=about.format_)


def of_stack(stack: Stack) -> list[Data]:
    """The datasets of a stack that is prepared; what is imported or adopted has no file here."""
    local = {one.address.name: one for one in stack.resources if one.address.kind == "dataset" and _checked(one)}
    plain = {name: _data(one) for name, one in local.items()}
    jobs = [one for one in stack.resources if one.address.kind == "job"]
    return [_used(plain[name], name, jobs, plain) for name in plain]


def of_dataset(stack: Stack, address: Address) -> Data | None:
    """One dataset of a stack that is prepared; None where its file is not here."""
    return next((one for one in of_stack(stack) if one.dataset == str(address)), None)


def _checked(resource: Resource) -> Checked | None:
    return resource.prepared.get("checked")


def _data(resource: Resource) -> Data:
    checked = _checked(resource)
    assert checked is not None
    path = Path(resource.prepared["path"])
    spec = resource.spec
    return Data(path, _shown(path), checked, str(resource.address), format_=spec.format, bom=spec.bom, allow=spec.allow)


def _used(data: Data, name: str, jobs: Sequence[Resource], plain: Mapping[str, Data]) -> Data:
    """The same with what the jobs of its stack do with it."""
    trained = [job for job in jobs if job.spec.training == name]
    others = [job.spec.validation for job in trained if job.spec.validation]
    others = others or [job.spec.training for job in jobs if job.spec.validation == name]
    partners = [plain[other] for other in dict.fromkeys(others) if other in plain]
    return replace(data, uses=[_use(job, jobs) for job in trained], partners=partners)


def _use(job: Resource, jobs: Sequence[Resource]) -> Use:
    from ftctl.data.stats import Use  # noqa: PLC0415  see above
    from ftctl.kinds.recipe import base_of  # noqa: PLC0415  the same

    epochs = job.spec.hyperparameters.n_epochs
    chosen = epochs if isinstance(epochs, int) else None
    model = base_of(job.spec, {one.address.name: one.spec for one in jobs})
    return Use(job.address.name, model, job.spec.training_type, chosen)


def readable(data: Data) -> Data:
    """The same data; raises what is wrong with a file that could not be read to its end."""
    if data.checked.report.sha256:
        return data
    from ftctl.data.check import problems  # noqa: PLC0415  see above

    raise FtctlError.all(problems(data.checked.report, data.shown))


def _shown(path: Path) -> str:
    """A path as people would write it from where they stand."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def costs(data: Data, epochs: int | None = None) -> Iterator[Cost]:
    """What each training on the data is estimated to be billed."""
    from ftctl.catalog.prices import own_book, training_price  # noqa: PLC0415  only where something is priced
    from ftctl.data.stats import cost  # noqa: PLC0415  see above

    for use in data.uses:
        price = training_price(use.model, use.training_type, own=own_book(os.environ))
        yield cost(data.checked.report, replace(use, epochs=epochs or use.epochs), price)
