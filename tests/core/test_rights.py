"""Whether somebody may do what a plan does: by the local Azure's own judgement, and where nobody can tell, not told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.catalog.roles import find_role, roles_that_give, roles_that_manage
from ftctl.core.changes import Action, Change, Reason
from ftctl.core.model import Address, Standing
from ftctl.core.rights import Grant, Right, Roles, allowed, covers, judged, read, standing_at
from ftctl.kinds import rights
from ftctl.local import roles

SUBSCRIPTION = "/subscriptions/s"
GROUP = f"{SUBSCRIPTION}/resourcegroups/rg"
ACCOUNT = f"{GROUP}/providers/microsoft.cognitiveservices/accounts/a"
CONTROL = [
    *(f"{one}/{verb}" for one in (rights.GROUPS, rights.ACCOUNTS, rights.DEPLOYMENTS, rights.ASSIGNMENTS)
      for verb in ("write", "delete")),
    rights.PURGE,
]  # fmt: skip
DATA = [
    rights.data(word, ACCOUNT).action
    for word in ("files/write", "files/import/action", "files/delete", "fine-tunes/write", "fine-tunes/cancel/action",
                 "fine-tunes/delete", "models/delete", rights.ASK)
]  # fmt: skip
RIGHTS = [*(Right(one, ACCOUNT) for one in CONTROL), *(Right(one, ACCOUNT, data=True) for one in DATA)]
FREE = {"actions": ["*"], "notActions": [], "dataActions": ["*"], "notDataActions": []}


def entry(role: roles.Role) -> dict:
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


@given(held=st.lists(st.sampled_from(roles.ROLES), max_size=4), right=st.sampled_from(RIGHTS))
def test_what_roles_allow_is_what_the_local_azure_lets_their_holder_do(held, right):
    let = any(roles._grants(role.id, right.action, data=right.data) for role in held)
    assert allowed(right, [entry(role) for role in held]) is let


@pytest.mark.parametrize("role", roles.ROLES, ids=lambda role: role.name)
def test_each_role_gives_what_it_gives_here_in_the_catalogue_and_in_azures_own_words(role):
    known = find_role(role.id)
    for right in RIGHTS:
        let = roles._grants(role.id, right.action, data=right.data)
        assert allowed(right, [entry(role)]) is let, right.action
        told = known.gives(right.action) if right.data else known.manages(right.action)
        bound = right.action.startswith(rights.ASSIGNMENTS) and role.name in {
            "Foundry Account Owner", "Foundry Project Manager",
        }  # fmt: skip
        assert told == let or bound, right.action  # those two assign some roles alone


def test_every_right_has_a_role_to_ask_for():
    assert all(roles_that_give(one) for one in DATA)
    assert {one: roles_that_manage(one)[0] for one in CONTROL} | {} == {
        f"{rights.GROUPS}/write": "Contributor",
        f"{rights.GROUPS}/delete": "Contributor",
        **{f"{rights.ACCOUNTS}/{verb}": "Cognitive Services Contributor" for verb in ("write", "delete")},
        **{f"{rights.DEPLOYMENTS}/{verb}": "Cognitive Services OpenAI Contributor" for verb in ("write", "delete")},
        **{f"{rights.ASSIGNMENTS}/{verb}": "Role Based Access Control Administrator" for verb in ("write", "delete")},
        rights.PURGE: "Cognitive Services Contributor",
    }


@given(st.text("ab/*.", max_size=8), st.text("ab/.", max_size=8))
def test_a_star_stands_for_anything_and_a_dot_for_itself(pattern, action):
    def walk(left: str, right: str) -> bool:
        if not left:
            return not right
        if left[0] == "*":
            return any(walk(left[1:], right[at:]) for at in range(len(right) + 1))
        return bool(right) and left[0] == right[0] and walk(left[1:], right[1:])

    assert covers(pattern, action) == walk(pattern, action)
    assert covers(pattern.upper(), action) == covers(pattern, action)


def test_where_nothing_is_said_of_data_nothing_is_known_of_it():
    silent = {"actions": ["*"], "notActions": []}
    data = Right(DATA[0], ACCOUNT, data=True)
    assert allowed(data, [silent]) is None
    assert allowed(data, [silent, FREE]) is True
    assert allowed(data, []) is False
    assert allowed(Right(CONTROL[0], ACCOUNT), [silent]) is True


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("", True),
        ("(!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'}))", True),
        ("(!(ActionMatches{'Microsoft.CognitiveServices/*'}))", None),
        ("@Resource[x] StringEquals 'y'", None),
    ],
)
def test_a_condition_counts_unless_it_names_other_actions(condition, told):
    assert allowed(Right(f"{rights.ACCOUNTS}/write", ACCOUNT), [FREE | {"condition": condition}]) is told


def creation(kind: str, key: str) -> Change:
    return Change(Address(kind, "x"), Action.CREATE, Reason.MISSING, key=key)


def test_what_is_not_there_yet_has_the_roles_of_what_is_around_it():
    group, account = creation("resourceGroup", GROUP), creation("account", ACCOUNT)
    assert standing_at(ACCOUNT, []) == ACCOUNT
    assert standing_at(ACCOUNT, [account]) == GROUP
    assert standing_at(ACCOUNT, [account, group]) == SUBSCRIPTION
    assert standing_at(GROUP, [account]) == GROUP
    assert standing_at(f"{ACCOUNT}b", [account]) == f"{ACCOUNT}b"


@pytest.mark.parametrize(
    ("ours", "gives", "standing"),
    [
        (True, True, Standing.PASS),
        (True, None, Standing.UNVERIFIED),
        (True, False, Standing.FAIL),
        (None, True, Standing.UNVERIFIED),
        (None, False, Standing.FAIL),
        (False, True, Standing.FAIL),
    ],
)
def test_a_role_on_its_way_counts_as_far_as_it_is_the_callers_and_gives_the_right(ours, gives, standing):
    right = Right(DATA[0], ACCOUNT, data=True)
    for scope, told in ((GROUP, standing), (f"{ACCOUNT}b", Standing.FAIL)):
        grant = Grant(scope, "Some Role", "some group", ours, {right: gives})
        (one,) = judged({right: ["dataset/x"]}, {GROUP: Roles()}, {ACCOUNT: GROUP}, [grant], lambda _: "'R' gives it")
        assert one.standing is told


@pytest.mark.parametrize("odd", [["x"], [{"actions": 7}], [{"notDataActions": "x"}], [None]])
def test_an_answer_of_another_shape_is_none(odd):
    with pytest.raises(ValueError, match="lists of actions"):
        read(odd)
