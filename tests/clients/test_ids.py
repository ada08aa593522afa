"""ARM ids go together and come apart."""

from __future__ import annotations

import pytest

from ftctl.clients import ids
from ftctl.clients.errors import AzureError

ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/a"


def test_ids_are_built():
    assert ids.account_id("s", "rg", "a") == ACCOUNT
    assert ids.deployment_id(ACCOUNT, "d") == f"{ACCOUNT}/deployments/d"
    assert ids.role_assignment_id(ACCOUNT, "g").endswith(
        "/accounts/a/providers/Microsoft.Authorization/roleAssignments/g"
    )
    assert ids.role_assignment_id("/", "g") == "/providers/Microsoft.Authorization/roleAssignments/g"
    assert ids.last(ids.role_definition_id("s", "g")) == "g"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/subscriptions/s", ids.ArmId("s")),
        ("/subscriptions/s/resourceGroups/rg", ids.ArmId("s", "rg")),
        (ACCOUNT, ids.ArmId("s", "rg", "a")),
        (ACCOUNT.upper() + "/DEPLOYMENTS/D/", ids.ArmId("S", "RG", "A", "D")),
        ("/subscriptions/s/resourceGroups/rg(1).ü", ids.ArmId("s", "rg(1).ü")),
    ],
)
def test_ids_come_apart_in_any_case(text, parts):
    assert ids.parse(text) == parts


@pytest.mark.parametrize("scope", ["/subscriptions/s", ACCOUNT, "/"])
def test_role_assignment_ids_come_apart(scope):
    assert ids.parse_role_assignment(ids.role_assignment_id(scope, "g")) == (scope, "g")


@pytest.mark.parametrize(
    "make",
    [
        lambda: ids.parse("rg-finetune"),
        lambda: ids.parse(f"{ACCOUNT}/projects/p"),
        lambda: ids.parse_role_assignment(ACCOUNT),
        lambda: ids.account_id("s", "rg", "a/../../b"),
        lambda: ids.account_id("s", "rg", "a?x=1"),
        lambda: ids.deployment_id(ACCOUNT, ""),
        lambda: ids.deployment_id(ACCOUNT, ".."),
    ],
)
def test_what_is_no_id_is_refused(make):
    with pytest.raises(AzureError) as caught:
        make()
    assert caught.value.code == "FT2011"
