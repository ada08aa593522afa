"""A live account that nobody has written a spec of: made through Azure's own API, then imported and planned."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from ftctl import workflow
from ftctl.catalog.clouds import CLOUDS, Identity
from ftctl.clients import Clients
from ftctl.clients.ids import account_id, deployment_id, group_id, role_assignment_id, role_definition_id
from ftctl.core.clock import ManualClock
from ftctl.core.model import Address
from ftctl.engine.execute import Stop
from ftctl.importing.emit import text_of
from ftctl.importing.survey import Asked, survey
from ftctl.local import identity, roles
from ftctl.local.azure import Azure, Settings
from ftctl.request import Request
from tests.flow.conftest import examples
from tests.flow.test_methods import GRADER, pairs, tasks

SUBSCRIPTION = identity.SUBSCRIPTION_ID
GROUP, ACCOUNT = "rg-theirs", "aoai-theirs"
ROWS = {"chat": examples, "preference": pairs, "reinforcement": tasks}
FORMATS = {"supervised": "chat", "dpo": "preference", "reinforcement": "reinforcement"}
MODELS = {
    "supervised": "gpt-4.1-mini-2025-04-14",
    "dpo": "gpt-4.1-mini-2025-04-14",
    "reinforcement": "o4-mini-2025-04-16",
}
DAY = 86_400


class World:
    """One local Azure, and the clients of somebody who may do everything on it."""

    def __init__(self, folder: Path, azure: Azure, served: Any, clock: ManualClock) -> None:
        self.folder, self.azure, self.clock = folder, azure, clock
        self.cloud = replace(
            CLOUDS["public"],
            name="local",
            arm=served.url,
            authority=served.url,
            graph=served.url,
            verify=str(served.ca_file),
            poll_seconds=15.0,
            known_authority=False,
        )
        self.clients = Clients(self.signed_in(identity.FTCTL_LOCAL), clock)
        self.clients.rest.put_group(group_id(SUBSCRIPTION, GROUP), {"location": "swedencentral"})
        self.assignment(f"/subscriptions/{SUBSCRIPTION}", "Cognitive Services OpenAI Contributor", identity.FTCTL_LOCAL)
        clock.advance(3600)

    def signed_in(self, who: identity.Principal) -> Any:
        secret = self.azure.secrets.client_secrets[who.client_id]
        return replace(self.cloud, identity=Identity(identity.TENANT_ID, who.client_id, secret))

    # --- what somebody makes by hand

    def account(self, name: str = ACCOUNT, group: str = GROUP, **more: Any) -> str:
        arm_id = account_id(SUBSCRIPTION, group, name)
        properties = {"customSubDomainName": name, **more.pop("properties", {})}
        body = {"location": "swedencentral", "kind": "AIServices", "sku": {"name": "S0"}, **more}
        self.clients.arm.put_account(arm_id, {**body, "properties": properties})
        self.clock.advance(600)
        return arm_id

    def data(self, account: str) -> Any:
        return self.clients.data(self.clients.arm.get_account(account)["properties"]["endpoint"])

    def file(self, account: str, name: str, rows: list[dict], purpose: str = "fine-tune") -> str:
        text = "".join(json.dumps(row) + "\n" for row in rows).encode()
        made = self.data(account).upload_file(io.BytesIO(text), name, purpose)
        self.clock.advance(60)
        return str(made["id"])

    def job(self, account: str, method: str = "supervised", *, wait: bool = True, **asked: Any) -> dict[str, Any]:
        """A job as somebody would send it; its files are uploaded where it names none."""
        given = asked.pop("hyperparameters", {})
        for number, key in enumerate(("training_file", "validation_file")):
            if key not in asked:
                rows = ROWS[FORMATS[method]](10 + number, *([50 * number] if method == "reinforcement" else []))
                asked[key] = self.file(account, f"{method} {key}.jsonl", rows)
        inside = {"hyperparameters": given, **({"grader": GRADER} if method == "reinforcement" else {})}
        body = {"model": MODELS[method], "method": {"type": method, method: inside}, "trainingType": "globalStandard"}
        job = self.data(account).create_job({**body, **asked} if asked.get("method", 1) else asked)
        if wait:
            self.clock.advance(2 * DAY)
        return self.data(account).get_job(job["id"]) or {}

    def deployment(self, account: str, name: str, model: Mapping[str, str], **more: Any) -> None:
        body = {"sku": {"name": "GlobalStandard", "capacity": 1}, **more}
        properties = {**body.pop("properties", {}), "model": {"format": "OpenAI", **model}}
        self.clients.arm.put_deployment(deployment_id(account, name), {**body, "properties": properties})
        self.clock.advance(600)

    def assignment(self, scope: str, role: str, who: identity.Principal, **more: Any) -> None:
        number = len(self.azure.store.all("role_assignment"))
        guid = f"00000000-0000-4000-9000-{number:012x}"
        definition = role_definition_id(SUBSCRIPTION, roles.named(role).id)
        properties = {"roleDefinitionId": definition, "principalId": who.id, "principalType": who.kind, **more}
        self.clients.rest.put_role_assignment(role_assignment_id(scope, guid), {"properties": properties})

    def stored(self, kind: str, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change the newest thing of a kind behind Azure's back, to what its API does not take here."""
        one = self.azure.store.all(kind)[-1]
        change(one)
        parent = {"role_assignment": lambda: one["id"].partition("/providers/Microsoft.Authorization")[0]}
        self.azure.store.put(kind, one["id"], one, parent=parent.get(kind, lambda: one["_account"])())

    # --- what ftctl makes of it

    def imported(self, account: str = ACCOUNT, *, stack: str = "", clients: Clients | None = None) -> Imported:
        asked = Asked(SUBSCRIPTION, account, stack=stack, cloud="local")
        draft = survey(clients or self.clients, asked)
        return Imported(self, draft, text_of(draft))


class Imported:
    """A spec that was written, as text and as people change it."""

    def __init__(self, world: World, draft: Any, text: str) -> None:
        self.world, self.notes, self.text = world, draft.notes, text
        self.spec = yaml.safe_load(text)

    def stack(self, spec: Mapping[str, Any] | None = None) -> Any:
        path = self.world.folder / "imported.yaml"
        path.write_text(yaml.safe_dump(dict(spec), sort_keys=False) if spec else self.text, encoding="utf-8")
        (stack,) = workflow.load(Request((path,)))
        return stack

    def plan(self, spec: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return workflow.plan(self.stack(spec), self.world.clients, clock=self.world.clock, **options)

    def whole(self) -> tuple[dict[str, Any], set[Address]]:
        """The spec of who wants to manage all of it, and what has to be adopted for that."""
        spec = yaml.safe_load(self.text)
        kinds = {"resources": "account", "roleAssignments": "roleAssignment", "deployments": "deployment"}
        adopt = set()
        for section, kind in kinds.items():
            for name, body in spec.get(section, {}).items():
                if body.pop("manage", "") == "reference":
                    adopt.add(Address(kind, name))
        return spec, adopt

    def taken_over(self) -> Any:
        """The plan of who wants to manage all of it."""
        spec, adopt = self.whole()
        return self.plan(spec, adopt=adopt)

    def take_over(self) -> Any:
        spec, adopt = self.whole()
        plan, stack = self.plan(spec, adopt=adopt), self.stack(spec)
        return workflow.apply(plan, stack, self.world.clients, clock=self.world.clock, emit=[].append, stop=Stop())


@contextmanager
def world_in(folder: Path) -> Iterator[World]:
    clock = ManualClock()
    azure = Azure(None, clock=clock, settings=Settings(pace=60))
    with azure.serve() as served:
        world = World(folder, azure, served, clock)
        yield world
        world.clients.close()
    azure.close()
