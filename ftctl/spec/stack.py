"""Stacks: spec files in, typed resources out, or every problem of every file at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ftctl.core.errors import FtctlError, Problem, Where
from ftctl.core.estimate import Budget
from ftctl.core.limits import Deletes, Limits
from ftctl.core.model import Address, Home, Resource
from ftctl.core.sensitive import Secrets
from ftctl.core.suggest import did_you_mean
from ftctl.kinds import kinds
from ftctl.spec import shape
from ftctl.spec.alike import alike
from ftctl.spec.declaration import GROUP
from ftctl.spec.environments import SECTION as ENVIRONMENTS
from ftctl.spec.environments import choose
from ftctl.spec.renames import Renames, named, renames
from ftctl.spec.resources import ACCOUNT, build, declarations
from ftctl.spec.secret import named as in_names
from ftctl.spec.tree import Document
from ftctl.spec.variables import Substituted, substitute
from ftctl.spec.words import problem, shown
from ftctl.spec.yamltree import MAX_BYTES, parse

_SHAPE = "FT11"
_ENDINGS = {".yaml", ".yml"}
_SHORTEST_SECRET = 6  # characters; shorter ones are words that problems need


@dataclass(frozen=True, slots=True)
class Stack:
    """What one file declares.

    `cloud` is a name or a profile of own endpoints. `document` is the file after environment and variables, without
    its `environments`; like a spec, it may hold secrets that came from variables. `warnings` are what is doubtful in
    its data, once that has been read. `budgets` are what all its trainings may cost, `limits` how much one plan may
    change, `removed` is what stays in Azure though it is no longer declared.
    """

    name: str
    path: Path
    home: Home
    cloud: str | Mapping[str, Any]
    resources: tuple[Resource, ...]
    document: Mapping[str, Any] = field(repr=False)
    environment: str | None = None
    where: Where | None = None
    warnings: tuple[Problem, ...] = ()
    budgets: tuple[Budget, ...] = ()
    limits: Limits = field(default_factory=Limits)
    removed: tuple[Address, ...] = ()
    secrets: Secrets = field(default_factory=Secrets, repr=False)

    def resource(self, address: Address) -> Resource:
        return next(resource for resource in self.resources if resource.address == address)


@dataclass(slots=True)
class _Draft:
    """What reading one file gave."""

    path: Path
    problems: list[Problem] = field(default_factory=list)
    result: Substituted | None = None
    stack: Stack | None = None


def load(
    paths: Sequence[Path],
    *,
    environment: str | None = None,
    variables: Mapping[str, str] | None = None,
    process_environment: Mapping[str, str] | None = None,
) -> list[Stack]:
    """The stacks of files and folders, in that order; raises FtctlError with all that is wrong in any of them.

    Of a folder, the .yaml and .yml files directly in it are read, by name. `variables` are --var's, as text.
    """
    given, process = variables or {}, process_environment or {}
    files, problems = _files(paths)
    drafts = [_draft(file, environment, given, process) for file in files]
    stacks = [draft.stack for draft in drafts if draft.stack is not None]
    problems += [found for draft in drafts for found in draft.problems]
    problems += [*_unused(drafts, given), *_same_name(stacks), *_same_account(stacks), *alike(stacks)]
    if problems:
        results = [draft.result for draft in drafts if draft.result]
        secrets = {value: name for result in results for value, name in result.secrets.items()}
        hidden = Secrets({value: name for result in results for value, name in result.hidden.names.items()})
        raise FtctlError.all(map(hidden.told, _scrubbed(_ordered(problems), secrets)))
    return stacks


# --- which files


def _files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    found: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        inside = _specs_in(path) if path.is_dir() else [path]
        if isinstance(inside, Problem):
            problems.append(inside)
            continue
        for file in inside:
            found.setdefault(_same(file), file)
    return list(found.values()), problems


def _specs_in(folder: Path) -> list[Path] | Problem:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        return _unreadable(folder, error)
    specs = [path for path in inside if path.suffix in _ENDINGS and path.name[0] != "." and not path.is_dir()]
    return specs or problem("FT1001", Where(str(folder)), f"no spec stands in {folder}")


def _same(file: Path) -> Path:
    """One path for all ways to the same file."""
    try:
        return file.resolve()
    except (OSError, RuntimeError):  # links that go in a circle; reading it says so
        return file.absolute()


def _unreadable(path: Path, error: OSError) -> Problem:
    return problem("FT1000", Where(str(path)), f"{path} cannot be read: {(error.strerror or 'error').lower()}")


def _read(path: Path) -> bytes | Problem:
    """A file's bytes, at most one more than are allowed."""
    try:
        if path.exists() and not path.is_file():
            return problem("FT1000", Where(str(path)), f"{path} is no regular file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        return _unreadable(path, error)


# --- one file


def _draft(path: Path, environment: str | None, given: Mapping[str, str], process: Mapping[str, str]) -> _Draft:
    data = _read(path)
    if isinstance(data, Problem):
        return _Draft(path, [data])
    document, problems = parse(data, str(path))
    draft = _Draft(path, problems)
    if document is None:
        return draft
    chosen, unknown = choose(document, environment)
    draft.result = substitute(chosen, given, process)
    draft.problems += [*unknown, *draft.result.problems, *_shape_problems(draft.result), *in_names(draft.result)]
    resources, found = build(draft.result.document, _untyped(draft.problems, draft.result), draft.result.unresolved)
    draft.problems += found
    renamed = renames(draft.result.document) if not draft.problems else Renames()
    draft.problems += renamed.problems
    if not draft.problems:
        draft.stack = _stack(
            path, draft.result.document, named(resources, renamed), environment, renamed.kept, draft.result.hidden
        )
    return draft


def _shape_problems(result: Substituted) -> list[Problem]:
    """What the schema refuses, but for values whose variable is told of already."""
    told = {(mark.line, mark.column) for mark in result.unresolved}
    found = shape.check(result.document)
    return [one for one in found if one.where is None or (one.where.line, one.where.column) not in told]


def _untyped(problems: list[Problem], result: Substituted) -> set[Address]:
    """The declarations that cannot be typed: the schema refuses them, or a variable in them has no value."""
    wrong = {found.subject for found in problems}
    azure_is_wrong = any(found.code.startswith(_SHAPE) and not found.subject for found in problems)
    return {
        address
        for address, one in declarations(result.document).items()
        if str(address) in wrong
        or (azure_is_wrong and address.kind == GROUP)
        or any(node.mark in result.unresolved for _, node in one.node.walk())
    }


def _stack(
    path: Path,
    document: Document,
    resources: tuple[Resource, ...],
    environment: str | None,
    removed: tuple[Address, ...],
    secrets: Secrets,
) -> Stack:
    values: dict[str, Any] = document.root.plain()
    values.pop(ENVIRONMENTS, None)
    azure = values["azure"]
    group = azure[GROUP]
    home = Home(values["stack"], azure["subscription"], group if isinstance(group, str) else group["name"])
    cloud = azure.get("cloud", "public")
    return Stack(
        values["stack"], path, home, cloud, resources, values, environment, document.where(("stack",)),
        budgets=tuple(_budgets(values, document)), limits=_limits(values.get("limits") or {}, document),
        removed=removed, secrets=secrets,
    )  # fmt: skip


def _budgets(values: Mapping[str, Any], document: Document) -> Iterator[Budget]:
    amount = (values.get("limits") or {}).get("maxCost")
    if amount is not None:
        yield Budget(float(amount), "`limits.maxCost`", where=document.where(("limits", "maxCost")))


def _limits(values: Mapping[str, Any], document: Document) -> Limits:
    most, share = values.get("maxDeletes"), values.get("maxChanged")
    allow = {address: document.where(("limits", "allow", n)) for n, address in enumerate(values.get("allow") or ())}
    where = document.where(("limits", "maxDeletes"))
    deletes = Deletes(most, "`limits.maxDeletes`", where) if most is not None else None
    if share is None:
        return Limits(deletes, allow=allow)
    return Limits(deletes, int(share.removesuffix("%")), document.where(("limits", "maxChanged")), allow)


# --- all files


def _unused(drafts: list[_Draft], given: Mapping[str, str]) -> Iterator[Problem]:
    """--var's that no file asks for; nothing is said where a file could not be read."""
    results = [draft.result for draft in drafts if draft.result is not None]
    used = {name for result in results for name in result.used}
    for name in given if len(results) == len(drafts) else ():
        if name not in used:
            hint = did_you_mean(name, used)
            yield problem("FT1044", None, f"no stack uses the variable {shown(name)}", fix=(hint, "Or take it out."))


def _same_name(stacks: list[Stack]) -> Iterator[Problem]:
    first: dict[str, Stack] = {}
    for stack in stacks:
        other = first.setdefault(stack.name, stack)
        if other is not stack:
            yield problem("FT1205", stack.where, f"the stack {stack.name} is declared at {other.where} already")


def _same_account(stacks: list[Stack]) -> Iterator[Problem]:
    """Accounts with two owners; one that is only read (`manage: reference`) has none here."""
    owners: dict[tuple[str, str, str], tuple[Stack, Resource]] = {}
    for stack in stacks:
        for one in stack.resources:
            if one.address.kind != ACCOUNT or kinds()[ACCOUNT].referenced(one):
                continue
            key = (stack.home.subscription.lower(), stack.home.group.lower(), one.spec.name.lower())
            owner, first = owners.setdefault(key, (stack, one))
            if first is not one:
                what = f"the account {one.spec.name} is owned by the stack {owner.name} already, at {first.where}"
                yield problem("FT1206", one.place("name"), what, subject=str(one.address))


def _ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By file, line and column, each thing once; what has no place comes last."""
    once = {(found.where, found.code, found.what): found for found in problems}
    nowhere = Where("\U0010ffff")
    return sorted(once.values(), key=lambda found: (found.where or nowhere, found.code))


def _scrubbed(problems: Iterable[Problem], secrets: Mapping[str, str]) -> Iterator[Problem]:
    """The problems without values from the process environment, which a kind's own words may repeat."""
    longest_first = sorted((value for value in secrets if len(value) >= _SHORTEST_SECRET), key=len, reverse=True)

    def scrub(text: str) -> str:
        for value in longest_first:
            text = text.replace(value, f"${{{secrets[value]}}}")
        return text

    for one in problems:
        what, why, fix, subject = map(scrub, (one.what, one.why, one.fix, one.subject))
        yield replace(one, what=what, why=why, fix=fix, subject=subject)
