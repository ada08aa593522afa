"""Job files of azd's fine-tuning extension (`azure.ai.finetune`), read as they are and written as a stack's jobs.

What such a file may say, and what azd makes of it, is that of its version 0.0.17 (azure-dev, read in its source).
Nothing that a file says is dropped unsaid.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import msgspec

from ftctl.catalog.training import TYPES, bases
from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.importing.draft import Draft, Entry, Names, Section, Variable, stack_name
from ftctl.importing.reader import Reader, opened, plain
from ftctl.kinds.graders import Grader
from ftctl.kinds.recipe import FORMATS, HYPERPARAMETERS, Hyperparameters, WandB
from ftctl.spec.scalars import core_scalar
from ftctl.spec.tree import Path as Place
from ftctl.spec.words import dotted, shown

_TOP = (
    "name", "description", "model", "training_file", "validation_file", "suffix", "seed", "metadata", "method",
    "integrations", "extra_body",
)  # fmt: skip
_OURS = {"epochs": "n_epochs"}  # where azd and a spec call a hyperparameter otherwise
_HYPERPARAMETERS = (
    "epochs", "batch_size", "learning_rate_multiplier", "prompt_loss_weight", "beta", "compute_multiplier",
    "reasoning_effort", "eval_interval", "eval_samples",
)  # fmt: skip
_UNSENT = "prompt_loss_weight"  # azd takes it and never sends it
_LOCAL = "local:"
_FILE = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SUFFIX = re.compile(r"[A-Za-z0-9-]{1,18}")
_SEEDS = 2**31
# The keys of each grader. `file` is ftctl's own.
_GRADERS = {one.__struct_config__.tag: {"type", *one.__struct_fields__} - {"file"} for one in get_args(Grader)}
_HEAD = "Written by `ftctl import` from {files}."
_SET = "Set {names} in the environment, or write here which account is to train."


@dataclass(frozen=True, slots=True)
class Target:
    """Where the jobs are to train; what is empty becomes a variable."""

    subscription: str = ""
    group: str = ""
    account: str = ""
    location: str = ""
    cloud: str = "public"
    stack: str = ""


@dataclass(slots=True)
class _Writer:
    """The stack so far; `base` is its folder."""

    base: Path
    jobs: list[Entry] = field(default_factory=list)
    datasets: dict[tuple[str, str], Entry] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    data_names: Names = field(default_factory=Names)

    def dataset(self, file: str, format_: str, wish: str) -> str:
        """The name of the dataset of a path or a file's id."""
        if (file, format_) not in self.datasets:
            key = "path" if file.startswith(_LOCAL) else "fileId"
            body = {key: file.removeprefix(_LOCAL), **({"format": format_} if format_ != "chat" else {})}
            self.datasets[file, format_] = Entry(self.data_names.take(wish, "data"), body)
        return self.datasets[file, format_].name


def convert(files: Sequence[Path], target: Target, base: Path) -> tuple[Draft, list[Problem]]:
    """The stack, to stand in the folder `base`, and warnings on all that it does not say.

    Raises, with the problems of every file, where one of them is no such file or says what cannot be.
    """
    writer, warnings, problems = _Writer(base), list[Problem](), list[Problem]()
    for file in files:
        try:
            reader = opened(file)
            _job(reader, file, writer)
            warnings += reader.done()
        except FtctlError as error:
            problems += error.problems
    if problems:
        raise FtctlError.all([*problems, *warnings])
    return _drafted(files, target, writer), sorted(warnings, key=lambda one: one.where or Where(""))


def _drafted(files: Iterable[Path], target: Target, writer: _Writer) -> Draft:
    azure = {
        "subscription": target.subscription or Variable("AZURE_SUBSCRIPTION_ID"),
        "resourceGroup": target.group or Variable("AZURE_RESOURCE_GROUP"),
        **({"cloud": target.cloud} if target.cloud != "public" else {}),
    }
    account = {
        "name": target.account or Variable("AZURE_ACCOUNT_NAME"),
        "location": target.location or Variable("AZURE_LOCATION"),
        "manage": "reference",
    }
    sections = {
        "resources": Section((Entry("main", account, beside={"manage": "it is only read: somebody else made it"}),)),
        "datasets": Section(tuple(writer.datasets.values())),
        "jobs": Section(tuple(writer.jobs)),
    }
    left = [one.name for one in (*azure.values(), *account.values()) if isinstance(one, Variable)]
    head = [_HEAD.format(files=", ".join(file.name for file in files))]
    head += [_SET.format(names=", ".join(left))] if left else []
    return Draft(target.stack or stack_name(writer.jobs[0].name), azure, sections, tuple(head))


# --- one file


def _job(reader: Reader, file: Path, writer: _Writer) -> None:
    if reader.find("apiVersion"):
        reader.report("FT1462", ("apiVersion",), f"{file} is a stack of ftctl already", key=True, fatal=True)
        return
    if missing := [name for name in ("model", "training_file") if reader.find(name) is None]:
        what = f"{file} is no job file of azd: it has no `{'` and no `'.join(missing)}`"
        reader.report("FT1462", (), what, fatal=True)
        return
    top = reader.map((), _TOP)
    beside: dict[str, str] = {}
    method, body = _method(reader)
    model, beside["model"] = _model(reader)
    data = {field: _data(reader, key, method, file, writer) for field, key in _FILES.items() if key in top}
    wish = reader.text(("name",)) if "name" in top else file.stem
    entry = {
        "model": model,
        **body,
        **_training_type(reader, beside),
        **data,
        **_seed(reader),
        **_suffix(reader),
        **_hyperparameters(reader, method, beside),
        **_integrations(reader),
    }
    if "metadata" in top:
        reader.report("FT1461", ("metadata",), "a spec has no `metadata`", key=True)
    told = (reader.text(("description",)),) if "description" in top else ()
    beside = {key: one for key, one in beside.items() if one}
    writer.jobs.append(Entry(writer.names.take(wish, "job"), entry, told, beside))


_FILES = {"training": "training_file", "validation": "validation_file"}


def _method(reader: Reader) -> tuple[str, dict[str, Any]]:
    """The method's name, and as a job's declaration has it."""
    if reader.find("method") is None:
        return "supervised", {}
    given = reader.map(("method",), ("type", *FORMATS))
    name = str(given["type"].plain()) if "type" in given else "supervised"
    if name not in FORMATS:
        reader.wrong(("method", "type"), f"there is no method {shown(name)}; there are {', '.join(FORMATS)}")
        return "supervised", {}
    for other in given.keys() - {"type", name}:
        reader.report("FT1461", ("method", other), f"`method.{other}` stands beside `type: {name}`", key=True)
    known = ("hyperparameters", *(("grader",) if name == "reinforcement" else ()))
    if name in given:
        reader.map(("method", name), known)
    if name != "reinforcement":
        return name, {} if name == "supervised" else {"method": name}
    return name, {"method": {"reinforcement": {"grader": _grader(reader)}}}


def _grader(reader: Reader) -> dict[str, Any]:
    """A grader, whose words are the service's own in both files."""
    place: Place = ("method", "reinforcement", "grader")
    node = reader.find(*place)
    if node is None or not isinstance(node.value, dict):
        reader.wrong(place, "reinforcement has no `grader`")
        return {}
    body = _known(reader, place, node.plain())
    try:
        msgspec.convert(body, Grader)
    except msgspec.ValidationError as error:
        reader.wrong(place, f"a spec cannot say this grader: {error}")
    return body


def _known(reader: Reader, place: Place, given: Mapping[str, Any]) -> dict[str, Any]:
    """A grader without the keys that nobody knows, of which it tells."""
    known = _GRADERS.get(str(given.get("type")), given)
    for key in given.keys() - set(known):
        reader.unknown((*place, key), known)
    kept = {key: value for key, value in given.items() if key in known}
    parts = kept.get("graders")
    if isinstance(parts, dict):
        inside = {name: (*place, "graders", name) for name in parts}
        kept["graders"] = {
            name: _known(reader, inside[name], one) if isinstance(one, dict) else one for name, one in parts.items()
        }
    return kept


def _hyperparameters(reader: Reader, method: str, beside: dict[str, str]) -> dict[str, Any]:
    place: Place = ("method", method, "hyperparameters")
    if reader.find(*place) is None:
        return {}
    found: dict[str, Any] = {}
    for name, node in reader.map(place, _HYPERPARAMETERS).items():
        ours, value = _OURS.get(name, name), node.plain()
        if ours not in HYPERPARAMETERS[method]:
            what = f"{method} training has no `{name}` in a spec"
            reader.report("FT1461", (*place, name), what, key=True)
            continue
        number = core_scalar(value) if isinstance(value, str) else value
        if number != value and isinstance(number, int | float):
            what = f"{name} is the text {shown(str(value))}: azd drops that, and the spec has the number"
            reader.report("FT1464", (*place, name), what)
        if name == _UNSENT:
            reader.report("FT1464", (*place, name), f"azd takes {name} and never sends it; the spec does")
        try:
            found[ours] = getattr(msgspec.convert({ours: number}, Hyperparameters), ours)
        except msgspec.ValidationError as error:
            reader.wrong((*place, name), f"{dotted((*place, name))}: {str(error).partition(' - at')[0]}")
    if found.get(_UNSENT) not in (None, "auto"):
        beside["hyperparameters"] = f"azd never sends {_UNSENT}"
    given = {name: value for name, value in found.items() if value != "auto"}
    return {"hyperparameters": given} if given else {}


def _model(reader: Reader) -> tuple[str, str]:
    """The model with its date, and a remark where azd's file has none."""
    name = reader.text(("model",))
    dated = bases(name)
    if not name or not dated or name.lower() in {one.lower() for one in dated}:
        return name, ""
    if len(dated) > 1:
        what = f"{name} stands for several models: {', '.join(dated)}"
        reader.report("FT1465", ("model",), what)
        return name, ""
    reader.report("FT1465", ("model",), f"{name} has no date; the spec says {dated[0]}")
    return dated[0], f"{name} in azd's file"


def _training_type(reader: Reader, beside: dict[str, str]) -> dict[str, str]:
    """The training type: azd can say it in `extra_body` alone, and Azure takes its absence for `standard`."""
    extra = reader.map(("extra_body",)) if reader.find("extra_body") else {}
    for key in extra:
        if key != "trainingType":
            what = f"`{key}` is sent by azd as it is, and a spec has no word for it"
            reader.report("FT1461", ("extra_body", key), what, key=True)
    if "trainingType" not in extra:
        beside["trainingType"] = "azd sends none, which Azure takes for this"
        return {"trainingType": "standard"}
    said = str(extra["trainingType"].plain())
    found = next((one for one in TYPES if one.lower() == said.lower()), None)
    if found is None:
        reader.wrong(("extra_body", "trainingType"), f"{shown(said)} is none of {', '.join(TYPES)}")
    return {"trainingType": found} if found and found != "globalStandard" else {}


def _seed(reader: Reader) -> dict[str, int]:
    node = reader.find("seed")
    if node is None:
        return {}
    seed = node.plain()
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < _SEEDS:
        reader.wrong(("seed",), f"the seed is a whole number from 0 to {_SEEDS - 1}")
    return {"seed": seed}


def _suffix(reader: Reader) -> dict[str, str]:
    """The suffix; ftctl adds a mark to it and takes fewer characters."""
    if reader.find("suffix") is None:
        return {}
    given = reader.text(("suffix",))
    if _SUFFIX.fullmatch(given):
        return {"suffix": given}
    cut = re.sub("[^A-Za-z0-9-]+", "-", given)[:18].strip("-")
    what = f"the suffix {shown(given)} is not as a spec takes it: it becomes {shown(cut)}"
    reader.report("FT1461", ("suffix",), what)
    return {"suffix": cut} if cut else {}


def _integrations(reader: Reader) -> dict[str, Any]:
    node = reader.find("integrations")
    found: dict[str, Any] = {}
    for place, kind, block in _services(node.plain() if node else None):
        if kind != "wandb" or not isinstance(block, dict):
            reader.report("FT1461", place, f"a spec has no integration {shown(str(kind))} of this form")
            continue
        given = plain(reader.map((*place, "wandb"), WandB.__struct_fields__))
        try:
            msgspec.convert(given, WandB)
        except msgspec.ValidationError as error:
            reader.wrong((*place, "wandb"), str(error))
        found = {"integrations": {"wandb": given}}
    return found


def _services(given: Any) -> Iterator[tuple[Place, Any, Any]]:
    """Each service with its place: azd has a list of them, as the service's own API."""
    for number, one in enumerate(given if isinstance(given, list) else []):
        block = one if isinstance(one, dict) else {}
        yield ("integrations", number), block.get("type"), block.get("wandb")
    if given is not None and not isinstance(given, list):
        yield ("integrations",), "", None


def _data(reader: Reader, key: str, method: str, file: Path, writer: _Writer) -> str:
    """The dataset that a file's value names: a local path, or the id of a file in the account."""
    given, format_ = reader.text((key,)), FORMATS[method]
    if not given.startswith(_LOCAL):
        if given and not _FILE.fullmatch(given):
            reader.wrong((key,), f"{shown(given)} is neither `local:` with a path nor the id of a file")
        return writer.dataset(given, format_, given)
    path = Path(given.removeprefix(_LOCAL))
    places = [path] if path.is_absolute() else [file.parent / path, path]
    there = next((one for one in places if one.is_file()), None)
    if there is None:
        reader.report("FT1466", (key,), f"there is no file {path}, neither beside {file} nor here")
    shown_path = Path(os.path.relpath(there or places[0], writer.base)).as_posix()
    return writer.dataset(f"{_LOCAL}{shown_path}", format_, path.stem)
