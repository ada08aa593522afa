"""Whether an account can have its name: held by a deleted account or another one, a host name, free in all of Azure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ftctl.core.errors import Problem
from ftctl.core.model import ChangeClass, Finding, Outlook, Resource, Standing

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)  # of a host name, which it becomes
_OWN = "the subscription's accounts, deleted ones too"
_ELSEWHERE = "asking is a POST that a reader may not make"


def outlook(resource: Resource, deleted: Mapping[str, Any] | None, taken: str | None) -> Outlook:
    """What the name brings with it. `deleted` is what a restore or a purge is about, `taken` who else has it."""
    name, rule = resource.spec.name, _host(resource.spec.name)
    if taken:
        what = f"the name {name} is taken: {taken} has it as its subdomain"
        found = Finding("name", Standing.FAIL, what, _OWN)
        return Outlook(problem=Problem("FT3323", what, resource.place("name")), findings=(rule, found))
    if deleted:
        held = _held(resource, deleted)
        return replace(held, findings=(rule, *held.findings))
    free = Finding("soft-deleted", Standing.PASS, f"no account of the subscription holds the name {name}", _OWN)
    doubt = Finding("name", Standing.UNVERIFIED, f"whether {name} is free in all of Azure is not known", _ELSEWHERE)
    return Outlook(findings=(rule, free, doubt))


def _host(name: str) -> Finding:
    if _LABEL.fullmatch(name):
        return Finding("name", Standing.PASS, f"{name} can be a host name", "the rules of host names")
    what = f"{name} can hardly be a host name, which the account's subdomain is: letters, digits and `-` are safe"
    return Finding("name", Standing.WARN, what, "the rules of host names")


def _held(resource: Resource, deleted: Mapping[str, Any]) -> Outlook:
    """A deleted account of the same group holds the name: what is declared to be done about that."""
    name, until = resource.spec.name, str(deleted.get("scheduledPurgeDate", ""))[:16]
    match resource.spec.on_soft_deleted:
        case "restore":
            text = "a deleted account holds the name and is restored"
            return Outlook(because=(text,), findings=(Finding("soft-deleted", Standing.PASS, text, _OWN),))
        case "purge":
            text = "a deleted account holds the name and is purged first, with all that was in it"
            found = Finding("soft-deleted", Standing.WARN, text, _OWN)
            return Outlook(because=(text,), change_class=ChangeClass.IRREVERSIBLE, findings=(found,))
        case _:
            what = f"a soft-deleted account holds the name {name} until {until or 'it is purged'}"
            problem = Problem(
                "FT3007",
                what,
                resource.place("name"),
                why="Azure keeps a deleted account's name, subdomain and quota for 48 hours.",
                fix="Set `onSoftDeleted: restore` to bring it back, or `purge` to delete it for good.",
            )
            return Outlook(problem=problem, findings=(Finding("soft-deleted", Standing.FAIL, what, _OWN),))
