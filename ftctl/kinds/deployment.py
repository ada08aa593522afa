"""Deployments: what answers under a name, and which model stands behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from ftctl.core.changes import Action, Change, Plan
from ftctl.core.model import Address, ChangeClass, Health, Home, Live, Outlook, Resource, Unknown, Wanted, World
from ftctl.core.rights import Right
from ftctl.kinds import ignoring, marks, named, rights, served
from ftctl.kinds.arm import CASE, beyond, health, refuse_foreign, settable
from ftctl.kinds.choice import ModelChoice, SmokeTest
from ftctl.kinds.contract import (
    Declaration,
    Flaw,
    Kind,
    Progress,
    Scope,
    Seen,
    Verdict,
    account_of,
    described,
    flaw,
    reference,
    source,
    trainer,
)

if TYPE_CHECKING:
    from ftctl.clients import Clients
    from ftctl.kinds.regions import Regions

# What Azure alone sets on a deployment (azure-rest-api-specs, Microsoft.CognitiveServices, DeploymentProperties).
_READ_ONLY = frozenset({
    "provisioningState", "currentCapacity", "rateLimits", "capabilities", "callRateLimit", "dynamicThrottlingEnabled",
})  # fmt: skip
_MAY_IGNORE = {"sku": "sku", "capacity": "capacity"}
_OF_BASE_MODEL = {
    f"model.{name}": field for name, field in (("name", "model"), ("version", "version"), ("format", "format"))
}
_NOT_READY = {404, 409, 429, 503}  # what a deployment that is still loading answers
_ANSWER_TOKENS = 200


class DeploymentSpec(Declaration, frozen=True):
    """A name that applications call."""

    model: Annotated[ModelChoice, described("What it serves.")]
    sku: Annotated[
        Literal[
            "Standard",
            "GlobalStandard",
            "DataZoneStandard",
            "DeveloperTier",
            "ProvisionedManaged",
            "GlobalProvisionedManaged",
            "DataZoneProvisionedManaged",
        ],
        described("The deployment type."),
    ] = "GlobalStandard"
    capacity: Annotated[int, described("Thousands of tokens a minute.", ge=1)] = 1
    smoke_test: Annotated[SmokeTest | None, described("A question asked after every change.")] = None
    name: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None,
        described("What Azure and applications call it, where that is not the name it is declared by."),
    ] = None
    manage: Annotated[
        Literal["full", "reference"], described("full: this stack makes and owns it. reference: it is only read.")
    ] = "full"
    resource: Annotated[
        str | None, reference("account", "The account, where the stack has several; it may be another than the job's.")
    ] = None
    ignore_drift: ignoring.IgnoreDrift = ()


class DeploymentKind(Kind):
    name = "deployment"
    section = "deployments"
    Spec = DeploymentSpec
    rank = 7
    in_account = True
    immutable = frozenset({"sku"})
    serves = True
    classes = dict.fromkeys(("model", "version"), ChangeClass.REPOINT)
    loss = ChangeClass.INTERRUPTS
    markable = True
    after = ("roleAssignment",)
    noise = {"sku": CASE, "source": CASE}  # noqa: RUF012  the same
    spelled = {  # noqa: RUF012  the same
        "model": ("model.name", "model.job"),
        "version": ("model.version", "model.job"),
        "format": ("model.format",),
        "source": ("model.source", "model.job"),
    }

    def check(self, spec: DeploymentSpec) -> Iterator[Flaw]:
        yield from ignoring.flaws(spec.ignore_drift, _may_ignore(spec), spec.__struct_encode_fields__, {})
        model = spec.model
        if (model.job is None) == (model.name is None):
            yield flaw(
                "model",
                "FT1255",
                "a model is either `job` or `name` with `version`",
                fix="`{job: tone}` serves what a job trained, `{name: gpt-4.1-mini, version: …}` a base model.",
            )
        if model.name and not model.version:
            yield flaw(
                "model.name", "FT1256", "`name` needs `version` beside it", fix='Add `version: "2025-04-14"`, say.'
            )
        if model.checkpoint and not model.job:
            yield flaw("model.checkpoint", "FT1292", "only a job's model has a `checkpoint` to choose")

    def relate(self, resource: Resource, declared: Mapping[Address, Resource]) -> Iterator[Flaw]:
        job = _job(resource, declared)
        if job and resource.spec.model.checkpoint == "best" and not job.spec.validation:
            what = f"job/{job.address.name} has no validation data to find its best model by"
            yield flaw("model.checkpoint", "FT1293", what)
        smoke = resource.spec.smoke_test
        if smoke and smoke.system == "from-training":
            systems = _training(resource, declared).prepared.get("systems") if job else 0
            if systems != 1:
                told = "its data is not read by ftctl" if systems is None else f"it has {systems or 'none'}"
                yield flaw(
                    "smokeTest.system",
                    "FT1257",
                    f"from-training needs one system message in the training data; {told}",
                    fix="Write the system message out here.",
                )

    def wanted(self, resource: Resource, world: World) -> Wanted:
        spec: DeploymentSpec = resource.spec
        account = account_of(resource)
        own = str(world.output(account, "id"))
        name = spec.name or named.in_azure(resource, world, own)
        arm_id = _id(own, name)
        return Wanted(
            key=arm_id.lower(),
            fields={
                "model": _model(resource, world) if spec.model.job else spec.model.name,
                "version": "1" if spec.model.job else spec.model.version,
                "format": spec.model.format,
                **_source(resource, own, world),
                "sku": spec.sku,
                "capacity": spec.capacity,
            },
            settings={
                "id": arm_id,
                "label": resource.address.name,
                "endpoint": world.output(account, "endpoint"),
                "user": spec.smoke_test.user if spec.smoke_test else None,
                "system": _system(resource, world),
                "evaluated": _evaluated(resource, world),
            },
            name=name,
            ignored=ignoring.places(spec.ignore_drift, _may_ignore(spec)),
        )

    def referenced(self, resource: Resource) -> bool:
        return bool(resource.spec.manage == "reference")

    def renamed(self, resource: Resource, live: Live) -> bool:
        """Whether it is found by a name that it had before; `moved` need not stay once its mark tells the new one."""
        return resource.address.name not in {live.label, live.name}

    def rights(self, change: Change, resource: Resource | None) -> Iterator[Right]:
        account = change.key.rpartition("/deployments/")[0]
        yield from rights.of(change, rights.DEPLOYMENTS, account)
        if resource and self.checks(resource) and change.action is not Action.DELETE:
            yield from (Right(f"{rights.DEPLOYMENTS}/write", account), rights.data(rights.ASK, account))

    def preflight(
        self, regions: Regions, plan: Plan, resources: Mapping[Address, Resource]
    ) -> Mapping[Address, Outlook]:
        from ftctl.kinds import deployable  # noqa: PLC0415  only where something is to be served otherwise

        after = {address: self.wanted(one, plan.world).fields for address, one in resources.items()}
        return deployable.checked(regions, plan, resources, after)

    def checks(self, resource: Resource) -> bool:
        return resource.spec.smoke_test is not None

    def observe(self, clients: Clients, scope: Scope) -> Seen:
        account = scope.account
        assert account is not None
        endpoint, found = account.outputs.get("endpoint", ""), clients.arm.list_deployments

        def look() -> tuple[Live, ...]:
            return tuple(_live(body, account.key, endpoint) for body in found(account.id))

        lives = clients.reads.once(("deployment", account.id), look)
        return Seen(lives, named.facts(scope, lives))

    def refresh(self, clients: Clients, live: Live, home: Home, progress: Progress) -> Live | None:
        body = clients.arm.get_deployment(live.id)
        return _live(body, live.within, live.outputs.get("endpoint", "")) if body else None

    def create(self, clients: Clients, wanted: Wanted, home: Home, progress: Progress) -> Live:
        """Look first: the name may be taken by now, or be ours from a run whose answer was lost."""
        present = clients.arm.get_deployment(wanted.settings["id"])
        if present:
            refuse_foreign(_live(present, "", ""), home)
        return self._put(clients, wanted, home, present or {})

    def update(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> Live:
        """The whole body again: Azure changes a deployment's model in place, its name and address stay."""
        return self._put(clients, wanted, home, live.raw)

    def _put(self, clients: Clients, wanted: Wanted, home: Home, live: Mapping[str, Any]) -> Live:
        body = _body(wanted, home, live)
        account = wanted.settings["id"].rpartition("/deployments/")[0]
        return _live(
            clients.arm.put_deployment(wanted.settings["id"], body), account.lower(), wanted.settings["endpoint"]
        )

    def beyond(self, live: Live) -> Mapping[str, Any]:
        return beyond(live.raw.get("properties") or {}, _READ_ONLY | {"model"}, (bool, int, str))

    def mark(self, clients: Clients, live: Live, wanted: Wanted, home: Home) -> None:
        _tag(clients, live, marks.owned(live.raw.get("tags"), home, wanted.settings["label"]))

    def unmark(self, clients: Clients, live: Live, home: Home) -> None:
        _tag(clients, live, marks.users(live.raw.get("tags")))

    def delete(self, clients: Clients, live: Live) -> None:
        clients.arm.delete_deployment(live.id)

    def verify(self, clients: Clients, live: Live, wanted: Wanted) -> Verdict:
        """Ask the smoke test's question. ARM says `Succeeded` some minutes before the deployment answers."""
        from ftctl.clients.errors import AzureError  # noqa: PLC0415  the clients come in only where Azure does

        system = wanted.settings["system"]
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": wanted.settings["user"]})
        try:
            reply = clients.data(wanted.settings["endpoint"]).chat(live.name, messages, max_tokens=_ANSWER_TOKENS)
        except AzureError as error:
            if error.permission or not error.status:
                raise  # a right or a network that is missing says nothing against the model
            waiting = error.status in _NOT_READY
            return Verdict(Health.PENDING if waiting else Health.FAILED, error.problems[0].what)
        answer = _answer(reply)
        if not answer:
            return Verdict(Health.FAILED, "the answer was empty")
        clients.arm.patch_deployment(live.id, {"tags": {**(live.raw.get("tags") or {}), marks.SMOKE: served.PASSED}})
        return Verdict(Health.READY, answer)

    def restore(self, clients: Clients, live: Live, before: Live | None, home: Home) -> str:
        """Put back what served before; where nothing did, take the new one away."""
        raw = before.raw if before else {}
        model = served.passed_last(raw)
        if model is None:
            clients.arm.delete_deployment(live.id)
            return "the new deployment was deleted again; its model is still there"
        tags = {k: v for k, v in (raw.get("tags") or {}).items() if k not in served.SMOKE or v == served.PASSED}
        properties = {**settable(raw["properties"], _READ_ONLY), "model": model}
        clients.arm.put_deployment(live.id, {"sku": raw["sku"], "tags": tags, "properties": properties})
        return f"it serves {model['name']} again"

    def gone(self, resource: Resource) -> str:
        if resource.spec.sku == "DeveloperTier":
            return "Azure removes a developer-tier deployment 24 hours after it was made, or somebody deleted it."
        if resource.spec.model.job:
            return "Azure removes the deployment of a fine-tuned model that nobody called for 15 days; its model stays."
        return "Somebody deleted it."

    def lane(self, key: str, within: str) -> str:
        """One write at a time in an account, or Azure answers RequestConflict."""
        return key.rpartition("/deployments/")[0]


def _id(account: str, name: str) -> str:
    from ftctl.clients.ids import deployment_id  # noqa: PLC0415  the clients come in only where Azure does

    return deployment_id(account, name)


def _may_ignore(spec: DeploymentSpec) -> dict[str, str]:
    """What a job trained is there to be served: only a base model may be left alone, as Azure upgrades its version."""
    return _MAY_IGNORE if spec.model.job else _MAY_IGNORE | _OF_BASE_MODEL


def _source(resource: Resource, own: str, world: World) -> dict[str, str]:
    """The account that trained the model, where it is another than the one with the id `own`."""
    model: ModelChoice = resource.spec.model
    if model.job:
        return source(trainer(resource, model.job), own, world)
    return {"source": model.source} if model.source else {}


def _job(resource: Resource, declared: Mapping[Address, Resource]) -> Resource | None:
    name = resource.spec.model.job
    return declared.get(trainer(resource, name)) if name else None


def _model(resource: Resource, world: World) -> Any:
    """The model that a job trained, or the checkpoint of it that a gate chose."""
    job = trainer(resource, resource.spec.model.job)
    gate = next((address for address in resource.references if address.kind == "gate"), job)
    chosen = world.output(gate, "model")
    return Unknown(job, "model") if isinstance(chosen, Unknown) else chosen


def _evaluated(resource: Resource, world: World) -> Any:
    """What the gate found out by asking the model: it is remembered where that serves."""
    gate = next((address for address in resource.references if address.kind == "gate"), None)
    found = world.output(gate, "evaluated") if gate else ""
    return "" if isinstance(found, Unknown) else found


def _training(resource: Resource, declared: Mapping[Address, Resource]) -> Resource:
    """The dataset that the served model learned from."""
    job = _job(resource, declared)
    assert job is not None
    return declared[Address("dataset", job.spec.training)]


def _system(resource: Resource, world: World) -> Any:
    spec: DeploymentSpec = resource.spec
    if spec.smoke_test is None or spec.smoke_test.system != "from-training":
        return spec.smoke_test.system if spec.smoke_test else None
    return world.output(trainer(resource, spec.model.job or ""), "system")


def _body(wanted: Wanted, home: Home, live: Mapping[str, Any]) -> dict[str, Any]:
    """The whole deployment for a PUT: what is live, with what is declared laid over it."""
    fields = wanted.fields
    model = {"format": fields["format"], "name": fields["model"], "version": fields["version"]}
    model |= {"source": fields["source"]} if "source" in fields else {}
    more = served.told(live, model)
    kept = served.others(live.get("tags") or {}, more)
    if evaluated := wanted.settings["evaluated"]:
        more[marks.EVALUATED] = evaluated
    smoke = served.waiting(live) if wanted.settings["user"] else {}
    return {
        "sku": {"name": fields["sku"], "capacity": fields["capacity"]},
        "tags": marks.written(kept, marks.tags(home, wanted.settings["label"], wanted, **more, **smoke)),
        "properties": {**settable(live.get("properties") or {}, _READ_ONLY), "model": model},
    }


def _tag(clients: Clients, live: Live, tags: dict[str, str]) -> None:
    """The deployment as it is, with other tags: of a PATCH nobody says whether it takes any away."""
    properties = settable(live.raw.get("properties") or {}, _READ_ONLY)
    clients.arm.put_deployment(live.id, {"sku": live.raw["sku"], "tags": tags, "properties": properties})


def _live(body: dict[str, Any], account: str, endpoint: str) -> Live:
    properties, sku, tags = body.get("properties") or {}, body.get("sku") or {}, body.get("tags") or {}
    model = properties.get("model") or {}
    state = properties.get("provisioningState", "")
    return Live(
        kind="deployment",
        key=body["id"].lower(),
        id=body["id"],
        name=body["name"],
        fields={
            "model": model.get("name"),
            "version": model.get("version"),
            "format": model.get("format"),
            **({"source": model["source"]} if "source" in model else {}),
            "sku": sku.get("name"),
            "capacity": int(sku["capacity"]) if sku.get("capacity") is not None else None,
        },
        outputs={"id": body["id"], "name": body["name"], "model": model.get("name"), "endpoint": endpoint},
        health=health(state),
        detail=state,
        within=account,
        unverified=marks.SMOKE in tags and tags[marks.SMOKE] != served.PASSED,
        made_for=Address("gate", tags[marks.EVALUATES]) if marks.EVALUATES in tags else None,
        raw=body,
        **marks.owner(tags),
    )


def _answer(reply: Mapping[str, Any]) -> str:
    """The text of a completion; a tool call counts as an answer."""
    message = (reply.get("choices") or [{}])[0].get("message") or {}
    calls = message.get("tool_calls") or []
    return message.get("content") or ", ".join(f"calls {call['function']['name']}" for call in calls)


KIND = DeploymentKind()
