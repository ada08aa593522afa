"""Whether a dataset can be sent: what its own checks found, and whether its account has room for one more file."""

from __future__ import annotations

from collections.abc import Iterator

from ftctl.core.model import Finding, Resource, Standing
from ftctl.kinds.files import Listing

_MANY = 90  # per cent of the files that an account takes, from which on a plan says so
_NAMED = 3


def lint(resource: Resource) -> Iterator[Finding]:
    """What reading a local file found; errors have stopped the plan before."""
    report, shown = resource.prepared.get("report"), resource.prepared.get("shown", "")
    if report is None:
        return
    found, basis = report.counts, f"ftctl's own checks of {shown}"
    if not found:
        yield Finding("data", Standing.PASS, f"nothing found in {report.examples:,} examples", basis)
        return
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    said = ", ".join(f"{code} ({number:,})" for code, number in sorted(found.items())[:_NAMED])
    yield Finding("data", Standing.WARN, f"{said}{more} in {report.examples:,} examples; see `ftctl data lint`", basis)


def slot(listing: Listing, resource: Resource) -> Finding:
    """Which of the account's files it would be."""
    number, room = listing.number(resource), listing.room
    what, basis = f"it is file {number} of {room} that the account takes", "the account's list of files"
    if number > room:
        return Finding("files", Standing.FAIL, f"it would be file {number} of an account that takes {room}", basis)
    if 100 * number >= _MANY * room:
        return Finding("files", Standing.WARN, f"{what}; `ftctl data prune` makes room", basis)
    return Finding("files", Standing.PASS, what, basis)
