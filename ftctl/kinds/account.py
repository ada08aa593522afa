"""The Azure OpenAI account: a Cognitive Services resource of kind OpenAI or AIServices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.changes import Action, Change, Plan
from ftctl.core.model import Address, ChangeClass, Home, Live, Outlook, Resource, Wanted, World
from ftctl.core.rights import Right
from ftctl.kinds import ignoring, marks, naming, rights
from ftctl.kinds.arm import CASE, REGION, beyond, health, refuse_foreign, region, settable
from ftctl.kinds.contract import Declaration, Flaw, Kind, NotYetError, Progress, Scope, Seen, described

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.kinds.regions import Regions

# What Azure alone sets on an account (azure-rest-api-specs, Microsoft.CognitiveServices, AccountProperties).
_READ_ONLY = frozenset({
    "provisioningState", "endpoint", "endpoints", "internalId", "capabilities", "isMigrated", "skuChangeInfo",
    "dateCreated", "callRateLimit", "quotaLimit", "privateEndpointConnections", "deletionDate", "scheduledPurgeDate",
    "commitmentPlanAssociations", "abusePenalty",
})  # fmt: skip
_OWN = _READ_ONLY | {"customSubDomainName", "disableLocalAuth", "publicNetworkAccess"}  # a field says it
_MAY_IGNORE = {path: path for path in ("sku", "localAuth", "tags")} | {"network.publicAccess": "publicAccess"}


class Network(Declaration, frozen=True):
    """Who can reach the account."""

    public_access: Annotated[Literal["enabled", "disabled"], described("Whether it answers on the internet.")] = (
        "enabled"
    )


class AccountSpec(Declaration, frozen=True):
    """An Azure OpenAI resource: where data, jobs and deployments live."""

    name: Annotated[
        str,
        described(
            "The resource's name, and its subdomain: unique in all of Azure.",
            pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,63}$",
        ),
    ]
    location: Annotated[str, described("The Azure region, such as swedencentral.", pattern=r"^[A-Za-z0-9 ]+$")]
    kind: Annotated[Literal["OpenAI", "AIServices"], described("The resource's kind.")] = "AIServices"
    sku: Annotated[Literal["S0"], described("The price tier; Azure OpenAI has one.")] = "S0"
    local_auth: Annotated[bool, described("Whether API keys work. false means keyless: Entra ID alone.")] = False
    network: Annotated[Network, described("Who can reach it.")] = msgspec.field(default_factory=Network)
    tags: Annotated[dict[str, str], described("Tags; those that are not declared here are left alone.")] = (
        msgspec.field(default_factory=dict)
    )
    on_soft_deleted: Annotated[
        Literal["fail", "restore", "purge"],
        described("What to do when a deleted account still holds the name (Azure keeps it for 48 hours)."),
    ] = "fail"
    manage: Annotated[
        Literal["full", "reference"], described("full: this stack makes and owns it. reference: it is only read.")
    ] = "full"
    protect: Annotated[bool, described("Make every plan that would delete it an error.")] = False
    ignore_drift: ignoring.IgnoreDrift = ()


class AccountKind(Kind):
    name = "account"
    section = "resources"
    Spec = AccountSpec
    rank = 1
    immutable = frozenset({"location", "subdomain", "kind"})
    replaceable = False
    classes = {"tags": ChangeClass.METADATA, "protect": ChangeClass.METADATA}  # noqa: RUF012  a constant
    loss = ChangeClass.IRREVERSIBLE
    markable = True
    after = ("resourceGroup",)
    noise = {"location": REGION, "kind": CASE, "sku": CASE, "subdomain": CASE}  # noqa: RUF012  the same
    spelled = {"subdomain": ("subdomain", "name"), "publicAccess": ("network.publicAccess",)}  # noqa: RUF012  the same

    def check(self, spec: AccountSpec) -> Iterator[Flaw]:
        return ignoring.flaws(spec.ignore_drift, _MAY_IGNORE, spec.__struct_encode_fields__, {"tags": spec.tags})

    def wanted(self, resource: Resource, world: World) -> Wanted:
        spec: AccountSpec = resource.spec
        arm_id = _id(world.home, spec.name)
        return Wanted(
            key=arm_id.lower(),
            fields={
                "location": spec.location,
                "kind": spec.kind,
                "sku": spec.sku,
                "subdomain": spec.name.lower(),
                "localAuth": spec.local_auth,
                "publicAccess": spec.network.public_access,
                "protect": spec.protect,
                "tags": spec.tags,
            },
            settings={
                "id": arm_id,
                "label": resource.address.name,
                "deleted": world.fact(resource.address, "deleted"),
                "onSoftDeleted": spec.on_soft_deleted,
            },
            name=spec.name,
            ignored=ignoring.places(spec.ignore_drift, _MAY_IGNORE),
        )

    def promised(self, resource: Resource, world: World) -> dict[str, Any]:
        spec: AccountSpec = resource.spec
        return {"id": _id(world.home, spec.name), "location": spec.location, "name": spec.name}

    def outlook(self, resource: Resource, world: World) -> Outlook:
        fact = partial(world.fact, resource.address)
        return naming.outlook(resource, fact("deleted"), fact("taken"))

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        yield from rights.of(change, rights.ACCOUNTS, change.key)
        if change.action is Action.CREATE and change.change_class is ChangeClass.IRREVERSIBLE:
            yield Right(rights.PURGE, change.key.partition("/resourcegroups/")[0])

    def preflight(
        self, regions: Regions, plan: Plan, resources: Mapping[Address, Resource]
    ) -> Mapping[Address, Outlook]:
        """Whether the regions take more accounts; a deleted one counts until it is purged."""
        from ftctl.kinds import deployable  # noqa: PLC0415  only where an account is to be made

        made = {one.address for one in plan.changes if one.action is Action.CREATE}
        new = [one for one in resources.values() if one.address in made and not plan.world.fact(one.address, "deleted")]
        return deployable.accounts(regions, {one.address: (one, region(one.spec.location)) for one in new})

    def protected(self, resource: Resource) -> bool:
        return bool(resource.spec.protect)

    def referenced(self, resource: Resource) -> bool:
        return bool(resource.spec.manage == "reference")

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        lives = _lives(clients, scope.home.subscription)
        keys = {live.key for live in lives}
        missing = [r for r in scope.resources if _id(scope.home, r.spec.name).lower() not in keys]
        if not missing:
            return Seen(lives)
        deleted = clients.arm.list_deleted_accounts(scope.home.subscription)
        return Seen(lives, {one.address: _holders(one, scope.home, deleted, lives) for one in missing})

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        body = clients.arm.get_account(live.id)
        return _live(body) if body else None

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Look first: the account may be there, or on its way, from a run whose answer was lost."""
        settings = wanted.settings
        present = clients.arm.get_account(settings["id"])
        if present:
            refuse_foreign(_live(present), home)
            return _live(present)
        deleted = settings["deleted"]
        if deleted and settings["onSoftDeleted"] == "purge" and _still_deleted(clients, home, deleted):
            clients.arm.purge_account(home.subscription, deleted["location"], deleted["group"], deleted["name"])
            raise NotYetError("purging the deleted account of that name")
        restore = {"restore": True} if deleted and settings["onSoftDeleted"] == "restore" else {}
        return _live(clients.arm.put_account(settings["id"], _body(wanted, home, {}, restore)))

    def update(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> Live:
        return _live(clients.arm.put_account(live.id, _body(wanted, home, live.raw, {})))

    def mark(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> None:
        _tag(clients, live, marks.owned(live.raw.get("tags"), home, wanted.settings["label"]))

    def unmark(self, clients: Clients, live: Live, home: Home) -> None:
        _tag(clients, live, marks.users(live.raw.get("tags")))

    def gone(self, resource: Resource) -> str:
        return "Somebody deleted it, with all that lived in it."

    def beyond(self, live: Live) -> Mapping[str, Any]:
        return beyond(live.raw.get("properties") or {}, _OWN, (bool, int))  # a text may be a token there

    def delete(self, clients: Clients, live: Live) -> None:
        clients.arm.delete_account(live.id)

    def lane(self, key: str, within: str) -> str:
        return key


def _id(home: Home, name: str) -> str:
    from ftctl.clients.ids import account_id  # noqa: PLC0415  the clients come in only where Azure does

    return account_id(home.subscription, home.group, name)


def _body(wanted: Wanted, home: Home, live: Any, more: dict[str, Any]) -> dict[str, Any]:
    """The whole account for a PUT: what is live, with what is declared laid over it."""
    fields = wanted.fields
    protect = {marks.PROTECT: "true"} if fields["protect"] else {}
    kept = {key: value for key, value in (live.get("tags") or {}).items() if key != marks.PROTECT}
    properties = {
        **settable(live.get("properties") or {}, _READ_ONLY),
        "customSubDomainName": fields["subdomain"],
        "disableLocalAuth": not fields["localAuth"],
        "publicNetworkAccess": str(fields["publicAccess"]).capitalize(),
        **more,
    }
    identity = {"identity": live["identity"]} if live.get("identity") else {}
    new = {**fields["tags"], **marks.tags(home, wanted.settings["label"], wanted, **protect)}
    return {
        "location": fields["location"],
        "kind": fields["kind"],
        "sku": {"name": fields["sku"]},
        "tags": marks.written(kept, new),
        **identity,
        "properties": properties,
    }


def _tag(clients: Clients, live: Live, tags: dict[str, str]) -> None:
    """The account as it is, with other tags."""
    kept = {name: live.raw[name] for name in ("location", "kind", "sku", "identity") if live.raw.get(name)}
    properties = settable(live.raw.get("properties") or {}, _READ_ONLY)
    clients.arm.put_account(live.id, {**kept, "tags": tags, "properties": properties})


def _live(body: dict[str, Any]) -> Live:
    properties = body.get("properties") or {}
    tags = body.get("tags") or {}
    state = properties.get("provisioningState", "")
    return Live(
        kind="account",
        key=body["id"].lower(),
        id=body["id"],
        name=body["name"],
        fields={
            "location": body["location"],
            "kind": body.get("kind"),
            "sku": (body.get("sku") or {}).get("name"),
            "subdomain": properties.get("customSubDomainName"),
            "localAuth": not properties.get("disableLocalAuth", False),
            "publicAccess": str(properties.get("publicNetworkAccess") or "Enabled").lower(),
            "protect": tags.get(marks.PROTECT) == "true",
            "tags": marks.users(tags),
        },
        outputs={
            "id": body["id"],
            "name": body["name"],
            "location": body["location"],
            **({"endpoint": properties["endpoint"]} if properties.get("endpoint") else {}),
        },
        health=health(state),
        detail=state,
        raw=body,
        **marks.owner(tags),
    )


def _lives(clients: Clients, subscription: str) -> tuple[Live, ...]:
    found = clients.arm.list_accounts
    return clients.reads.once(("account", subscription), lambda: tuple(map(_live, found(subscription))))


def _holders(
    resource: Resource, home: Home, deleted: Sequence[dict[str, Any]], lives: Iterable[Live]
) -> dict[str, Any]:
    """For a declared account that is not there: the deleted one that holds its name, or the other one that has it."""
    name = resource.spec.name.lower()
    own = next((body for body in deleted if _deleted_key(body) == (home.group.lower(), name)), None)
    if own:
        properties = own.get("properties") or {}
        twin = {"name": own["name"], "location": _part(own["id"], "locations"), "group": home.group}
        return {"deleted": {**twin, "scheduledPurgeDate": properties.get("scheduledPurgeDate", "")}}
    held = [live.id for live in lives if str(live.fields["subdomain"] or "").lower() == name]
    held += [body["id"] for body in deleted if _subdomain(body) == name]
    return {"taken": held[0]} if held else {}


def _subdomain(body: Mapping[str, Any]) -> str:
    return str((body.get("properties") or {}).get("customSubDomainName") or "").lower()


def _still_deleted(clients: Clients, home: Home, twin: dict[str, Any]) -> bool:
    wanted = (home.group.lower(), twin["name"].lower())
    return any(_deleted_key(body) == wanted for body in clients.arm.list_deleted_accounts(home.subscription))


def _deleted_key(body: dict[str, Any]) -> tuple[str, str]:
    return _part(body["id"], "resourceGroups").lower(), body["name"].lower()


def _part(arm_id: str, name: str) -> str:
    """The segment that follows `name` in an ARM id."""
    segments = arm_id.split("/")
    places = [index for index, segment in enumerate(segments) if segment.lower() == name.lower()]
    return segments[places[0] + 1] if places and places[0] + 1 < len(segments) else ""


KIND = AccountKind()
