"""The resource group, where a stack asks for one to be made (`azure.resourceGroup: {create: true}`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from ftctl.core.changes import Change
from ftctl.core.errors import FtctlError, Problem
from ftctl.core.model import ChangeClass, Home, Live, Resource, Wanted, World
from ftctl.core.rights import Right
from ftctl.kinds import marks, rights
from ftctl.kinds.arm import REGION, health, refuse_foreign
from ftctl.kinds.contract import Declaration, Flaw, Kind, Progress, Scope, Seen, described, flaw

if TYPE_CHECKING:
    from ftctl.clients import Clients


class GroupSpec(Declaration, frozen=True):
    """A resource group that this stack makes, or one that exists already (`create: false`)."""

    name: Annotated[str, described("The group's name.", pattern=r"^[-\w.()]{1,90}$")]
    create: Annotated[bool, described("Make it, own it, and delete it with the stack when nothing else is in it.")] = (
        False
    )
    location: Annotated[str | None, described("The region that keeps the group's metadata; needed to create it.")] = (
        None
    )


class ResourceGroupKind(Kind):
    name = "resourceGroup"
    section = ""
    Spec = GroupSpec
    rank = 0
    immutable = frozenset({"location"})
    replaceable = False
    loss = ChangeClass.IRREVERSIBLE
    noise = {"location": REGION}  # noqa: RUF012  a constant
    markable = True

    def check(self, spec: GroupSpec) -> Iterator[Flaw]:
        if spec.create and not spec.location:
            yield flaw("create", "FT1258", "a resource group that is created needs a `location`")

    def wanted(self, resource: Resource, world: World) -> Wanted:
        from ftctl.clients.ids import group_id  # noqa: PLC0415  the clients come in only where Azure does

        spec: GroupSpec = resource.spec
        return Wanted(
            key=group_id(world.home.subscription, spec.name).lower(),
            fields={"location": spec.location},
            settings={"label": resource.address.name, "id": group_id(world.home.subscription, spec.name)},
            name=spec.name,
        )

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        return rights.of(change, rights.GROUPS, change.key)

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        found, at = clients.rest.list_groups, scope.home.subscription
        return Seen(clients.reads.once(("resourceGroup", at), lambda: tuple(map(_live, found(at)))))

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        body = clients.rest.get_group(live.id)
        return _live(body) if body else None

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        present = clients.rest.get_group(wanted.settings["id"])
        if present:
            refuse_foreign(_live(present), home)
        return self._put(clients, wanted, home, {})

    def update(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> Live:
        return self._put(clients, wanted, home, live.raw.get("tags") or {})

    def _put(self, clients: Clients, wanted: Wanted, home: Home, tags: dict[str, str]) -> Live:
        tags = marks.written(tags, marks.tags(home, wanted.settings["label"], wanted))
        body = {"location": wanted.fields["location"], "tags": tags}
        return _live(clients.rest.put_group(wanted.settings["id"], body))

    def mark(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> None:
        _tag(clients, live, marks.owned(live.raw.get("tags"), home, wanted.settings["label"]))

    def unmark(self, clients: Clients, live: Live, home: Home) -> None:
        _tag(clients, live, marks.users(live.raw.get("tags")))

    def delete(self, clients: Clients, live: Live) -> None:
        """Deleting a group deletes all that is in it, so one that is not empty stays."""
        if clients.rest.get_group(live.id) is None:
            return
        others = clients.rest.list_group_resources(live.id)
        if others:
            names = ", ".join(sorted(str(body["name"]) for body in others)[:5])
            raise FtctlError(
                Problem(
                    "FT3209",
                    f"the resource group {live.name} still holds {len(others)} things of others: {names}",
                    why="Deleting the group would delete them too.",
                    fix="Move or delete them, or keep the group: `resourceGroup: NAME` without `create`.",
                )
            )
        clients.rest.delete_group(live.id)


def _tag(clients: Clients, live: Live, tags: dict[str, str]) -> None:
    kept = {name: live.raw[name] for name in ("location", "managedBy") if live.raw.get(name)}
    clients.rest.put_group(live.id, {**kept, "tags": tags})


def _live(body: dict[str, Any]) -> Live:
    state = (body.get("properties") or {}).get("provisioningState", "Succeeded")
    return Live(
        kind="resourceGroup",
        key=body["id"].lower(),
        id=body["id"],
        name=body["name"],
        fields={"location": body["location"]},
        outputs={"id": body["id"], "location": body["location"]},
        health=health(state),
        detail=state,
        raw=body,
        **marks.owner(body.get("tags")),
    )


KIND = ResourceGroupKind()
