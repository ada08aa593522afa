"""Which stacks a change touches: those whose spec, or a file that it names, differs from where a branch began."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ftctl.cli.git import RefusedError, commit_of, git
from ftctl.core.errors import FtctlError, Problem, Severity, Where
from ftctl.request import Request

if TYPE_CHECKING:
    from ftctl.spec.stack import Stack

_SPECS = {".yaml", ".yml"}
_SHORT = 12  # digits of a commit


@dataclass(frozen=True, slots=True)
class Difference:
    """A repository now and at a commit: files that differ (absolute), those that are new, and all that git sees."""

    top: Path
    base: str
    differing: frozenset[Path]
    seen: frozenset[Path]

    def touches(self, file: Path) -> bool:
        """Whether a file is another, or may be: git knows nothing of what it ignores or what is not in here."""
        return any(at in self.differing or at not in self.seen for at in _ways(file))


@dataclass(frozen=True, slots=True)
class Touched:
    """Chooses, of the stacks that were asked for, those touched since a revision; `gone` tells of those that were."""

    request: Request
    gone: list[Problem] = field(default_factory=list)

    def __call__(self, stacks: list[Stack]) -> list[Stack]:
        since, only = self.request.changed_since, self.request.only
        stacks = stacks if only is None else [stack for stack in stacks if stack.name in only]
        if since is None:
            return stacks
        folders = [folder for folder in self.request.paths if folder.is_dir()]
        tops = {folder: _top(folder) for folder in dict.fromkeys([*(stack.path.parent for stack in stacks), *folders])}
        differences = {top: _difference(top, since) for top in dict.fromkeys(tops.values())}
        asked = {path.resolve() for path in (*folders, *(stack.path for stack in stacks))}
        names = {stack.name for stack in stacks}
        for found in differences.values():
            self.gone.extend(_gone(found, asked, names, self.request.environment))
        return [stack for stack in stacks if _is_touched(stack, differences[tops[stack.path.parent]])]


def _is_touched(stack: Stack, found: Difference) -> bool:
    return any(map(found.touches, (stack.path, *_named(stack))))


def _named(stack: Stack) -> Iterator[Path]:
    """The local files that a stack's declarations name."""
    from ftctl.spec.declaration import sections  # noqa: PLC0415  only where somebody asks
    from ftctl.spec.references import FILE, marked  # noqa: PLC0415  the same

    for section, kind in sections().items():
        for value in (stack.document.get(section) or {}).values():
            yield from (stack.path.parent / found.value for found in marked(kind.Spec, value) if found.mark == FILE)


# --- what differs


def _top(folder: Path) -> Path:
    try:
        return Path(os.fsdecode(git(folder, "rev-parse", "--show-toplevel").rstrip(b"\n"))).resolve()
    except RefusedError as error:
        what = f"{folder} is in no git repository that could be asked: {error}"
        raise FtctlError(Problem("FT6040", what, Where(str(folder)))) from None


def _difference(top: Path, revision: str) -> Difference:
    base = _base(top, revision)
    try:
        told = git(top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--no-relative", "-z", base, "--")
        kept = git(top, "ls-files", "-z", "--cached")
        new = git(top, "ls-files", "-z", "--others", "--exclude-standard")
    except RefusedError as error:
        raise FtctlError(Problem("FT6044", f"git cannot compare {top} with {revision}: {error}")) from None
    fresh = _paths(top, new)
    return Difference(top, base, _paths(top, told) | fresh, _paths(top, kept) | fresh)


def _base(top: Path, revision: str) -> str:
    """The commit at which the branch left `revision`: what came there since is nobody's change here."""
    shallow = git(top, "rev-parse", "--is-shallow-repository").strip() == b"true"
    try:
        commit = commit_of(top, revision)
    except RefusedError:
        why = "The clone is shallow: it has the newest commits alone." if shallow else ""
        raise FtctlError(Problem("FT6041", f"{top} has no revision {revision}", why=why)) from None
    try:
        return git(top, "merge-base", commit, "HEAD").decode().strip()
    except RefusedError:
        if shallow:
            raise FtctlError(Problem("FT6042", f"the history of {top} ends before HEAD and {revision} meet")) from None
        raise FtctlError(Problem("FT6043", f"HEAD and {revision} have no commit in common")) from None


def _paths(top: Path, told: bytes) -> frozenset[Path]:
    return frozenset(top / os.fsdecode(name) for name in told.split(b"\0") if name)


def _ways(file: Path) -> set[Path]:
    """A file as it is named, and what that leads to where a link stands in between."""
    named = Path(os.path.normpath(Path.cwd() / file))
    return {named.parent.resolve() / named.name, named.resolve()}


# --- what is gone


def _gone(found: Difference, asked: set[Path], names: set[str], environment: str | None) -> Iterator[Problem]:
    """Stacks that were declared and no longer are: their files were deleted, or say another name now.

    `asked` are the folders and files that were asked for.
    """
    for path in sorted(found.differing):
        if path.suffix in _SPECS and not asked.isdisjoint({path, path.parent}):
            name = _former_name(found, path, environment)
            if name and name not in names:
                yield _farewell(found, path, name)


def _former_name(found: Difference, path: Path, environment: str | None) -> str:
    """The stack that a file declared, empty for none that could be read."""
    from ftctl.spec.environments import choose  # noqa: PLC0415  only where a stack is gone
    from ftctl.spec.yamltree import parse  # noqa: PLC0415  the same

    within = path.relative_to(found.top).as_posix()
    try:
        document, _ = parse(git(found.top, "cat-file", "blob", f"{found.base}:{within}"), within)
    except RefusedError:
        return ""  # it was not there
    node = choose(document, environment)[0].root.child("stack") if document else None
    return node.value if node and isinstance(node.value, str) else ""


def _farewell(found: Difference, path: Path, name: str) -> Problem:
    within, commit = path.relative_to(found.top).as_posix(), found.base[:_SHORT]
    happened = "says another name now" if path.exists() else "is gone"
    fix = (
        f"To delete it, destroy it as it was declared: `git worktree add ../before {commit}`,"
        f" then `ftctl destroy ../before/{within}`."
    )
    what = f"{within} {happened}, and what the stack {name} owns stays in Azure"
    return Problem("FT6045", what, Where(within), fix=fix, severity=Severity.WARNING, subject=name)


def pinned(request: Request, stacks: Sequence[Stack]) -> Request:
    """The same request for exactly these stacks, without git: what a saved plan asks for again."""
    chosen = request.changed_since is not None
    return replace(request, changed_since=None, only=tuple(stack.name for stack in stacks)) if chosen else request
