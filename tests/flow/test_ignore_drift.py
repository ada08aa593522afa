"""`ignoreDrift`: what somebody changes by Microsoft's own SDK stays, whatever else is declared anew."""

from __future__ import annotations

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices.models import Account, PatchResourceTagsAndSku, Sku
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl import workflow
from ftctl.core.changes import Action, Reason
from ftctl.core.digest import digest
from ftctl.core.drift import drift
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.noise import Noise
from ftctl.engine.execute import Stop
from ftctl.kinds import kinds
from ftctl.local import identity
from tests.flow.conftest import actions

GROUP, ACCOUNT = "rg-tone", "aoai-tone"
BASE = {"name": "gpt-4.1-mini", "version": "2025-04-14"}


@pytest.fixture
def small(lab):
    """An account and a deployment of a base model, of which an update is a matter of milliseconds."""
    for section in ("datasets", "jobs"):
        del lab.spec[section]
    lab.spec["resources"]["main"]["tags"] = {"owner": "ann", "team": "desk"}
    lab.spec["deployments"] = {"prod": {"model": dict(BASE), "capacity": 50}}
    return lab


@pytest.fixture
def sdk(lab):
    who, cloud = identity.FTCTL_LOCAL.client_id, lab.cloud
    secret = lab.azure.secrets.client_secrets[who]
    with (
        ClientSecretCredential(
            identity.TENANT_ID,
            who,
            secret,
            authority=cloud.authority,
            disable_instance_discovery=True,
            connection_verify=cloud.verify,
        ) as credential,
        CognitiveServicesManagementClient(
            credential, identity.SUBSCRIPTION_ID, base_url=cloud.arm, connection_verify=cloud.verify
        ) as client,
    ):
        yield client


def scaled(lab, sdk, capacity: int) -> None:
    """Somebody sets a deployment's capacity in the portal."""
    patch = PatchResourceTagsAndSku(sku=Sku(name="GlobalStandard", capacity=capacity))
    sdk.deployments.begin_update(GROUP, ACCOUNT, "prod", patch, polling=False)
    lab.clock.advance(600)


def tagged(lab, sdk, **tags: str) -> None:
    """Somebody sets tags of the account."""
    kept = sdk.accounts.get(GROUP, ACCOUNT).tags
    sdk.accounts.begin_update(GROUP, ACCOUNT, Account(tags={**kept, **tags}), polling=False)
    lab.clock.advance(600)


def capacity(sdk) -> int:
    return sdk.deployments.get(GROUP, ACCOUNT, "prod").sku.capacity


def tags(sdk) -> dict[str, str]:
    return {key: value for key, value in sdk.accounts.get(GROUP, ACCOUNT).tags.items() if not key.startswith("ftctl-")}


def hidden(plan) -> dict[str, Noise]:
    return {f"{change.address}.{one.path}": one.rule for change in plan.changes for one in change.suppressed}


def test_what_somebody_changed_is_no_difference_and_stays(small, sdk):
    small.spec["deployments"]["prod"]["ignoreDrift"] = ["capacity"]
    small.spec["resources"]["main"]["ignoreDrift"] = ["tags.owner"]
    assert small.apply().exit is Exit.DONE
    assert (capacity(sdk), tags(sdk)) == (50, {"owner": "ann", "team": "desk"})  # at creation it is as declared
    scaled(small, sdk, 77)
    tagged(small, sdk, owner="bob", cost="12")
    plan = small.plan()
    assert (plan.empty, drift(plan).found) == (True, ())
    told = hidden(plan)
    assert told["deployment/prod.capacity"] is told["account/main.tags.owner"] is Noise.IGNORED
    assert told["account/main.tags.cost"] is Noise.AZURE
    small.spec["resources"]["main"] |= {"tags": {"owner": "ann", "team": "sales"}, "localAuth": True}
    small.spec["deployments"]["prod"]["model"] = {"name": "gpt-4o-mini", "version": "2024-07-18"}
    plan = small.plan()
    assert {str(one.address): [field.path for field in one.fields] for one in plan.pending} == {
        "account/main": ["localAuth", "tags.team"],
        "deployment/prod": ["model", "version"],
    }
    assert small.apply().exit is Exit.DONE
    assert (capacity(sdk), tags(sdk)) == (77, {"owner": "bob", "team": "sales", "cost": "12"})
    assert sdk.accounts.get(GROUP, ACCOUNT).properties.disable_local_auth is False
    assert small.plan().empty


def test_a_value_that_is_declared_anew_is_ignored_too(small, sdk):
    small.spec["deployments"]["prod"]["ignoreDrift"] = ["capacity"]
    small.apply()
    small.spec["deployments"]["prod"]["capacity"] = 60
    assert small.plan().empty
    del small.spec["deployments"]["prod"]["ignoreDrift"]
    (change,) = small.plan().pending
    assert (change.reason, change.after) == (Reason.DIFFERS, {"capacity": 60})
    small.apply()
    assert capacity(sdk) == 60


def test_what_is_not_ignored_is_drift_as_before(small, sdk):
    small.apply()
    small.spec["resources"]["main"]["ignoreDrift"] = ["tags.owner"]  # declared after the apply
    tagged(small, sdk, owner="bob", team="theirs")
    (change,) = drift(small.plan()).found
    assert ([field.path for field in change.fields], change.reason) == (["tags.team"], Reason.DRIFTED)
    assert small.apply().exit is Exit.DONE
    assert tags(sdk) == {"owner": "bob", "team": "desk"}
    tagged(small, sdk, owner="eve", team="theirs")
    assert [str(one.address) for one in drift(small.plan()).found] == ["account/main"]


def test_what_changes_between_the_plan_and_the_apply_stays_as_well(small, sdk):
    small.spec["resources"]["main"]["ignoreDrift"] = ["tags.owner"]
    small.apply()
    small.spec["resources"]["main"]["tags"]["team"] = "sales"
    stack = small.stack()
    with small.clients() as clients:
        plan = workflow.plan(stack, clients, clock=small.clock)
        tagged(small, sdk, owner="bob")
        report = workflow.apply(plan, stack, clients, clock=small.clock, emit=small.events.append, stop=Stop())
    assert report.exit is Exit.DONE, report
    assert tags(sdk) == {"owner": "bob", "team": "sales"}


def test_what_somebody_took_away_is_not_put_back(small, sdk):
    small.spec["resources"]["main"]["ignoreDrift"] = ["tags"]
    small.apply()
    left = {key: value for key, value in sdk.accounts.get(GROUP, ACCOUNT).tags.items() if key != "owner"}
    (body,) = small.stored("account")
    small.azure.store.put("account", body["id"], body | {"tags": left}, parent=body.get("_group"))
    small.spec["resources"]["main"]["localAuth"] = True
    assert actions(small.plan()) == {"account/main": "update"}
    small.apply()
    assert tags(sdk) == {"team": "desk"}
    assert small.plan().empty


def test_a_replacement_is_a_creation_and_says_what_it_undoes(small, sdk):
    small.spec["deployments"]["prod"]["ignoreDrift"] = ["capacity"]
    small.apply()
    scaled(small, sdk, 77)
    small.spec["deployments"]["prod"]["sku"] = "Standard"
    (change,) = small.plan().pending
    assert change.action is Action.REPLACE
    assert {field.path: (field.before, field.after) for field in change.fields} == {
        "sku": ("GlobalStandard", "Standard"),
        "capacity": (77, 50),
    }
    small.apply()
    assert capacity(sdk) == 50


def test_a_version_that_azure_upgrades_is_left_alone(small, sdk):
    small.spec["deployments"]["prod"]["ignoreDrift"] = ["model.version"]
    small.apply()
    (body,) = small.stored("deployment")
    body["properties"]["model"]["version"] = "2099-01-01"
    small.azure.store.put("deployment", body["id"], body, parent=body["_account"])
    assert small.plan().empty
    small.spec["deployments"]["prod"]["ignoreDrift"] = ["model"]
    small.spec["deployments"]["prod"]["model"] = {"name": "gpt-4o-mini", "version": "2024-07-18"}
    assert small.plan().empty


def test_a_deployment_is_pointed_at_a_new_model_and_keeps_its_capacity(lab, sdk):
    lab.spec["deployments"]["prod"] |= {"ignoreDrift": ["capacity"], "smokeTest": {"user": "My printer is broken."}}
    assert lab.apply().exit is Exit.DONE
    scaled(lab, sdk, 77)
    lab.spec["jobs"]["tone"]["seed"] = 106
    before = lab.served_model()
    assert lab.apply().exit is Exit.DONE
    assert lab.served_model() != before
    assert capacity(sdk) == 77
    assert lab.plan().empty


def test_the_mark_without_ignoring_is_what_it_was(small):
    small.apply()
    for kind in ("account", "deployment"):
        (body,) = small.stored(kind)
        (change,) = [one for one in small.plan().changes if one.kind == kind]
        assert body["tags"]["ftctl-applied"] == digest(change.live.fields)[:12]
    small.spec["resources"]["main"]["ignoreDrift"] = ["tags"]
    small.spec["resources"]["main"]["localAuth"] = True
    small.apply()
    (account,) = small.stored("account")
    fields = next(one.live.fields for one in small.plan().changes if one.kind == "account")
    without = {name: value for name, value in fields.items() if name != "tags"}
    assert account["tags"]["ftctl-applied"] == digest(without)[:12]


@pytest.mark.parametrize(
    ("section", "given", "code", "said"),
    [
        ("deployments", "capacty", "FT1430", 'Did you mean "capacity"?'),
        ("deployments", "model.version", "FT1431", "Allowed here: capacity, sku."),
        ("deployments", "smokeTest", "FT1431", "Allowed here: capacity, sku."),
        ("resources", "tags.ownr", "FT1430", 'Did you mean "tags.owner"?'),
        ("resources", "location", "FT1431", "network.publicAccess"),
        ("resources", "protect", "FT1431", "tags.owner"),
        ("resources", "publicAccess", "FT1430", 'Did you mean "network.publicAccess"?'),
        ("jobs", "seed", "FT1100", "ignoreDrift"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_at_its_place(lab, section, given, code, said):
    lab.spec["resources"]["main"]["tags"] = {"owner": "ann"}
    name = next(iter(lab.spec[section]))
    lab.spec[section][name]["ignoreDrift"] = [given]
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    (problem,) = caught.value.problems
    lines = (lab.folder / "stack.yaml").read_text("utf-8").splitlines()
    asked = lines[problem.where.line - 1][problem.where.column - 1 :]
    assert (problem.code, asked) == (code, "ignoreDrift:" if code == "FT1100" else given)
    assert said in f"{problem.what} {problem.fix}"
    assert problem.subject == f"{ {s.section: s.name for s in kinds().values()}[section] }/{name}"


moves = st.lists(
    st.tuples(st.sampled_from(["scale", "owner", "team", "declare", "localAuth"]), st.integers(1, 9)), max_size=4
)


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(moves)
def test_whatever_happens_nobodys_change_is_undone(small, sdk, steps):
    """From a stack as declared: changes by others and new declarations in any order, with an apply after each."""
    for section, name, fields in (("deployments", "prod", ["capacity"]), ("resources", "main", ["tags.owner"])):
        small.spec[section][name].pop("ignoreDrift", None)
        small.apply()
        small.spec[section][name]["ignoreDrift"] = fields
    theirs = {"capacity": capacity(sdk), "owner": tags(sdk)["owner"]}
    for step, number in steps:
        match step:
            case "scale":
                scaled(small, sdk, 10 * number)
                theirs["capacity"] = 10 * number
            case "owner":
                tagged(small, sdk, owner=f"o{number}")
                theirs["owner"] = f"o{number}"
            case "team":
                tagged(small, sdk, team=f"t{number}")
            case "declare":
                small.spec["deployments"]["prod"]["capacity"] = number
                small.spec["resources"]["main"]["tags"] = {"owner": f"d{number}", "team": f"d{number}"}
            case _:
                small.spec["resources"]["main"]["localAuth"] = number % 2 == 0
        assert small.apply().exit is Exit.DONE
        mine = small.spec["resources"]["main"]["tags"]["team"]
        assert (capacity(sdk), tags(sdk)) == (theirs["capacity"], {"owner": theirs["owner"], "team": mine})
        assert small.plan().empty
