"""`ftctl drift` as people and pipelines read it."""

import json

from ftctl.embedded import local_folder
from ftctl.local.azure import Azure
from tests.golden import normal


def changed_by_hand():
    """Somebody lowers the deployment's capacity in the portal and removes a role assignment."""
    with_azure = Azure(local_folder())
    (body,) = with_azure.store.all("deployment")
    body["sku"]["capacity"] = 1
    body["systemData"] |= {"lastModifiedBy": "sam@contoso.example", "lastModifiedAt": "2026-11-20T09:30:00Z"}
    with_azure.store.put("deployment", body["id"], body, parent=body["_account"])
    role = next(one for one in with_azure.store.all("role_assignment") if "ftctl" in str(one))
    with_azure.store.delete("role_assignment", role["id"])
    with_azure.close()


def test_drift_is_told_with_its_cause_and_exits_with_2(ftctl, golden):
    assert ftctl("init", "--template", "lab").code == 0
    never = ftctl("drift")
    assert ftctl("apply", "--auto-approve").code == 0
    none = ftctl("drift")
    changed_by_hand()
    found = ftctl("drift")
    assert [never.code, none.code, found.code] == [2, 0, 2]
    golden("drift", normal(f"{never.out}\n{none.out}\n{found.out}"))
    (stack,) = json.loads(ftctl("drift", "-o", "json").out)["stacks"]
    assert stack["drifted"]
    assert {one["address"].partition("/")[0]: one["gone"] for one in stack["drift"]} == {
        "deployment": False,
        "roleAssignment": True,
    }
    assert all(one["cause"] for one in stack["drift"])
    golden("drift-markdown", normal(ftctl("drift", "-o", "markdown").out))
