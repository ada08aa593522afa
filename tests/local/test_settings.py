"""Slow and flaky on request: what a folder's settings change, for every process on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftctl.local import arm_deployments, identity
from ftctl.local.azure import Azure, Settings
from tests.local.conftest import ACCOUNT, GROUP, SUBSCRIPTION, code
from tests.local.test_arm_accounts import BARE, NAMED
from tests.local.test_arm_deployments import CHAT, TUNED, base, trained, tuned  # noqa: F401  a fixture
from tests.local.test_identity import data, grant

CONTRIBUTOR = "a001fd3d-188f-4b5d-821b-7da978bf7442"
DAY = 86_400


def change(azure, **settings):
    azure.settings = replace(azure.settings, **settings)


def state(response):
    return response.json()["properties"]["provisioningState"]


def chat(arm, name="chat"):
    return arm.call(
        "POST",
        "/cognitiveservices/acc-sub/openai/v1/chat/completions",
        {"model": name, "messages": [{"role": "user", "content": "Hello"}]},
        audience="https://ai.azure.com",
    )


def test_settings_are_the_folders_and_the_default_where_it_has_none(tmp_path):
    one, other = Azure(tmp_path), Azure(tmp_path)
    other.store.put("setting", "settings", {"pace": 5.0, "of_tomorrow": 1})
    assert one.settings == Settings(pace=5.0)
    change(one, flap=3)
    assert other.settings == Settings(pace=5.0, flap=3)
    one.close()
    other.close()


def test_a_role_reaches_the_data_plane_after_a_while(arm, account, azure, clock):
    change(azure, propagation_seconds=300)
    grant(arm, account, CONTRIBUTOR, identity.FTCTL_LOCAL)
    assert code(data(arm)) == (401, "PermissionDenied")
    clock.advance(azure.seconds(299))
    assert code(data(arm)) == (401, "PermissionDenied")
    clock.advance(azure.seconds(2))
    assert data(arm).status_code == 200


def test_a_deployment_succeeds_before_it_answers(arm, account, azure, clock):
    grant(arm, account, CONTRIBUTOR, identity.FTCTL_LOCAL)
    change(azure, answer_seconds=120)
    assert state(arm.put(CHAT, base())) == "Succeeded"
    assert code(chat(arm)) == (404, "DeploymentNotFound")
    clock.advance(azure.seconds(121))
    assert chat(arm).status_code == 200


def test_an_account_flaps_for_so_many_looks(arm, group, azure, clock):
    change(azure, flap=4)
    arm.put(ACCOUNT, NAMED)
    assert state(arm.get(ACCOUNT)) == "Creating"
    clock.advance(60)
    etags = {arm.get(ACCOUNT).json()["etag"] for _ in range(3)}
    assert len(etags) == 2
    assert code(arm.put(CHAT, base())) == (400, "AccountProvisioningStateInvalid")
    assert [state(arm.get(ACCOUNT)) for _ in range(2)] == ["Succeeded", "Succeeded"]
    assert arm.put(CHAT, base()).status_code == 201


def test_flapping_shows_in_every_other_look(arm, group, azure, clock):
    change(azure, flap=5)
    arm.put(ACCOUNT, BARE)
    clock.advance(60)
    words = [state(arm.get(ACCOUNT)) for _ in range(7)]
    assert words == ["Succeeded", "Accepted", "Succeeded", "Accepted", "Succeeded", "Succeeded", "Succeeded"]


def test_faithful_long_operations_do_not_say_when_to_ask_again(arm, group, azure, trained, clock):  # noqa: F811  the fixture
    change(azure, faithful=True)
    made = arm.put(f"{ACCOUNT}-2", BARE)
    assert "Retry-After" not in made.headers
    assert "Retry-After" not in arm.get(made.headers["azure-asyncoperation"]).headers
    assert "Retry-After" not in arm.put(CHAT, tuned()).headers
    clock.advance(60)
    arm.delete(CHAT)
    assert arm.delete(GROUP).headers["Retry-After"] == "0"


@pytest.mark.parametrize(("sku", "day", "there"), [("GlobalStandard", 15, True), ("DeveloperTier", 1, True)])
def test_deployments_expire(arm, trained, clock, azure, sku, day, there):  # noqa: F811  the fixture
    arm.put(CHAT, tuned(sku=sku, capacity=1))
    clock.advance(day * DAY - 10)
    assert (arm.get(CHAT).status_code == 200) is there
    clock.advance(20)
    assert code(arm.get(CHAT)) == (404, "NotFound")
    usages = arm.get(f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/swedencentral/usages").json()
    current = {one["name"]["value"]: one["currentValue"] for one in usages["value"]}
    assert current["OpenAI.FineTuned.Deployments"] == 0


def test_use_keeps_a_deployment_but_not_one_for_developers(arm, account, trained, clock, azure):  # noqa: F811  the fixture
    other = f"{ACCOUNT}/deployments/developer"
    arm.put(CHAT, tuned(capacity=1))
    clock.advance(60)
    arm.put(other, tuned(sku="DeveloperTier", capacity=1))
    clock.advance(DAY - 30)
    for name in ("chat", "developer"):
        assert arm_deployments.answering(azure, account, name)
    clock.advance(60)
    assert arm.get(other).status_code == 404
    clock.advance(14 * DAY)
    assert arm.get(CHAT).status_code == 200
    clock.advance(2 * DAY)
    assert arm.get(CHAT).status_code == 404


def test_base_models_stay(arm, account, clock):
    arm.put(CHAT, base())
    clock.advance(400 * DAY)
    assert arm.get(CHAT).status_code == 200
