"""From a live account to a spec: it is found, read and only read, and written down so that its plan is empty."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import Address, Health, Home, Live, Resource
from ftctl.core.suggest import did_you_mean
from ftctl.engine.observe import observe
from ftctl.importing import content, control, serving
from ftctl.importing.draft import Draft, stack_name
from ftctl.importing.found import Found, Page
from ftctl.kinds import kinds
from ftctl.kinds.trained import Training

if TYPE_CHECKING:
    from ftctl.clients import Clients

_AT_ONCE = 8
_TAKE_OVER = (
    "What is marked `manage: reference` or `adopt` is only read. To let this stack manage such a thing, take that line "
    "out and plan with `--adopt KIND/NAME`."
)
_HEAD = "Written by `ftctl import` from what there is: `ftctl plan` has nothing to do."


@dataclass(frozen=True, slots=True)
class Asked:
    """Which account is meant, and what to call the stack. An empty group stands for any."""

    subscription: str
    account: str
    group: str = ""
    stack: str = ""
    cloud: str = "public"


def survey(clients: Clients, asked: Asked) -> Draft:
    """Read an account with all that lives in it, and write it down. Raises where it cannot be read as a whole."""
    from ftctl.clients.ids import parse  # noqa: PLC0415  the clients come in only where Azure does

    body = _chosen(clients.arm.list_accounts(asked.subscription), asked)
    at = parse(body["id"])
    home = Home(asked.stack or stack_name(body["name"]), at.subscription, at.group)
    return drafted(_found(clients, home, body), asked.cloud)


def _chosen(bodies: Sequence[dict[str, Any]], asked: Asked) -> dict[str, Any]:
    """The account that was asked for."""
    group = asked.group.lower()
    named = [one for one in bodies if one["name"].lower() == asked.account.lower()]
    same = [one for one in named if not group or f"/resourcegroups/{group}/" in one["id"].lower()]
    if len(same) > 1:
        groups = ", ".join(sorted(one["id"].split("/")[4] for one in same))
        raise FtctlError(Problem("FT6062", f"{asked.account} stands in several groups: {groups}"))
    if not same:
        where = f"the group {asked.group}" if asked.group else "the subscription"
        names = sorted(one["name"] for one in bodies)
        fix = f"{did_you_mean(asked.account, names)} There are: {', '.join(names[:20]) or 'none'}.".strip()
        raise FtctlError(Problem("FT6061", f"there is no account {asked.account} in {where}", fix=fix))
    (body,) = same
    if str(body.get("kind")).lower() not in control.KINDS:
        raise FtctlError(Problem("FT6063", f"{body['name']} is of the kind {body.get('kind')}"))
    return body


def _found(clients: Clients, home: Home, body: dict[str, Any]) -> Found:
    """All that is live in the account, and in others that carry the stack's mark: its plan would miss those."""
    example = kinds()["account"].Spec(name=body["name"], location=body["location"], manage="reference")
    observed = observe(clients, home, (Resource(Address("account", "main"), example),), kinds())
    if observed.blind:
        raise FtctlError.all({one.problem.what: one.problem for one in observed.blind}.values())
    accounts = tuple(
        one
        for one in sorted(observed.lives, key=lambda one: (one.key != body["id"].lower(), one.name))
        if one.kind == "account" and (one.key == body["id"].lower() or (one.owner == home.stack and _near(one, home)))
    )
    bare = Found(home, accounts, observed.lives, names=control.account_names(accounts, home.stack))
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        ended = [one for one in bare.inside("job") if one.health is Health.READY and one.outputs.get("model")]
        kept = pool.map(lambda one: Training(clients.data(one.outputs["endpoint"]), one.raw).kept, ended)
        return Found(
            home, accounts, observed.lives, dict(zip((one.id for one in ended), kept, strict=True)), bare.names
        )


def _near(account: Live, home: Home) -> bool:
    """Whether a stack of this home can declare the account."""
    return account.id.lower().startswith(f"/subscriptions/{home.subscription}/resourcegroups/{home.group}/".lower())


def _owners(found: Found) -> Iterator[str]:
    """A word on accounts of another stack: whoever lost its spec wants to import as that one."""
    for live in found.accounts:
        if live.owner not in {None, found.home.stack}:
            yield (
                f"account/{found.names[live.key]} belongs to the stack {live.owner}, so it is only read; "
                f"`--stack {live.owner}` imports it with all that this stack owns"
            )


def drafted(found: Found, cloud: str) -> Draft:
    """The spec. Pure."""
    notes: list[str] = []
    pages = {kind.section: Page(kind.name, notes) for kind in kinds().values() if kind.section}
    control.accounts(found, pages["resources"])
    control.assignments(found, pages["roleAssignments"])
    data = content.datasets(found, pages["datasets"])
    models = content.jobs(found, pages["jobs"], data)
    notes += _owners(found)
    serving.deployments(found, pages["deployments"], models)
    azure = {
        "subscription": found.home.subscription,
        "resourceGroup": control.group(found),
        **({"cloud": cloud} if cloud != "public" else {}),
    }
    order = ("resources", "roleAssignments", "datasets", "jobs", "deployments")
    sections = {name: pages[name].section() for name in order}
    bodies = [entry.body for section in sections.values() for entry in section.entries]
    others = any({"manage", "adopt"} & body.keys() for body in bodies)
    return Draft(found.home.stack, azure, sections, (_HEAD, *([_TAKE_OVER] if others else [])), tuple(notes))
