"""Clouds and roles against what Azure publishes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ftctl.catalog.clouds import CLOUDS, Identity, own
from ftctl.catalog.roles import ROLES, find_role, names, roles_that_give
from ftctl.core.errors import Exit, FtctlError

PUBLISHED = Path(__file__).parents[3] / "shared/azure/roles/builtin_roles_selected.json"
OPENAI = "Microsoft.CognitiveServices/accounts/OpenAI"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published role definitions are not on this machine")
def test_roles_are_as_published():
    published = {role["name"]: role for role in json.loads(PUBLISHED.read_text(encoding="utf-8"))}
    for role in ROLES:
        definition = published[role.id]
        assert definition["roleName"] == role.name
        permissions = definition["permissions"]
        assert set(role.data) == {action for p in permissions for action in p["dataActions"]}
        assert set(role.not_data) == {action for p in permissions for action in p["notDataActions"]}


@pytest.mark.parametrize(
    "word", ["Azure AI User", "foundry user", " Foundry  User ", "53CA6127-DB72-4B80-B1B0-D745D6D5456D"]
)
def test_a_role_answers_to_all_its_names(word):
    assert find_role(word).name == "Foundry User"


def test_unknown_roles_are_none_and_names_are_unique():
    assert find_role("Cognitive Services OpenAI Contributer") is None
    assert len({name.casefold() for name in names()}) == len(names())
    assert all(find_role(name) for name in names())


@pytest.mark.parametrize(
    ("action", "user", "contributor", "owner"),
    [
        (f"{OPENAI}/files/read", True, True, False),
        (f"{OPENAI}/files/write", False, True, False),
        (f"{OPENAI}/fine-tunes/write", False, True, False),
        (f"{OPENAI}/deployments/chat/completions/action", True, True, False),
        (f"{OPENAI}/stored-completions/read", False, True, False),
    ],
)
def test_who_may_do_what_with_data(action, user, contributor, owner):
    assert find_role("Cognitive Services OpenAI User").gives(action) is user
    assert find_role("Cognitive Services OpenAI Contributor").gives(action) is contributor
    assert find_role("Owner").gives(action) is owner


def test_the_narrowest_role_is_advised_first():
    assert roles_that_give(f"{OPENAI}/files/read")[0] == "Cognitive Services OpenAI User"
    assert roles_that_give(f"{OPENAI}/files/write")[0] == "Cognitive Services OpenAI Contributor"
    assert roles_that_give("Microsoft.Nothing/x/read") == []


def test_no_cloud_mixes_with_another():
    assert list(CLOUDS) == ["public", "usgov", "china"]
    for name, ending in {"usgov": (".us", "usgovcloudapi.net"), "china": (".cn",)}.items():
        cloud = CLOUDS[name]
        for address in (cloud.arm, cloud.authority, cloud.graph, cloud.data_suffix):
            assert address.endswith(ending)
        for scope in (cloud.arm_scope, cloud.data_scope, cloud.graph_scope):
            assert scope.removesuffix("/.default").endswith(ending)


def test_an_own_profile():
    cloud = own(
        {
            "name": "stack",
            "resourceManager": "https://arm.stack.example/",
            "authority": "https://login.stack.example",
            "graph": "https://graph.stack.example",
            "dataScope": "https://ai.stack.example/.default",
            "caFile": "ca.pem",
            "pollSeconds": 5,
        }
    )
    assert (cloud.arm, cloud.arm_scope) == ("https://arm.stack.example", "https://arm.stack.example/.default")
    assert (cloud.verify, cloud.poll_seconds, cloud.known_authority) == ("ca.pem", 5, False)
    assert cloud.identity is None


def test_an_own_profile_on_microsofts_authority_asks_it_to_vouch():
    profile = {"resourceManager": "https://arm.example", "authority": "https://login.microsoftonline.com"}
    assert own(profile).known_authority


def test_everything_wrong_with_a_profile_is_told_at_once():
    with pytest.raises(FtctlError) as caught:
        own({"resourceManager": "http://arm.example", "graf": "x", "pollSeconds": 0, "clientSecret": "S3cret"})
    texts = [problem.what for problem in caught.value.problems]
    assert len(texts) == 5
    assert caught.value.exit is Exit.DATA
    assert "S3cret" not in " ".join(texts)


def test_an_identity_hides_its_secret():
    assert "S3cret" not in repr(Identity("t", "c", "S3cret"))
