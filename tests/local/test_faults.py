"""Faults by rule: chosen, counted, shared between processes, and gone when cleared."""

from __future__ import annotations

import time

import pytest
import requests

from ftctl.core.clock import ManualClock
from ftctl.local import faults, identity
from ftctl.local.azure import Azure
from ftctl.local.faults import BadRule
from tests.local import plane
from tests.local.conftest import GROUP, Caller, code

LIST = "/subscriptions"


def add(azure, **given):
    return faults.add(azure.store, [faults.rule(given)])[0]


def seen(azure):
    return [(one.seen, one.fired) for one in faults.rules(azure.store)]


def test_without_rules_nothing_happens(arm):
    assert arm.get(LIST).status_code == 200


def test_a_throttle_says_when_to_come_back(arm, azure, account):
    add(azure, fault="throttle", times=1, retry_after=7)
    refused = arm.get(LIST)
    assert code(refused) == (429, "TooManyRequests")
    assert refused.headers["Retry-After"] == "7"
    assert arm.get(LIST).status_code == 200
    add(azure, fault="throttle", path="*/openai/v1/models")
    key = arm.call("POST", f"{account}/listKeys").json()["key1"]
    models = arm.call(
        "GET", "/cognitiveservices/acc-sub/openai/v1/models", audience="", headers={"api-key": key, "Authorization": ""}
    )
    assert code(models) == (429, "tooManyRequests")
    assert (models.headers["Retry-After"], models.headers["retry-after-ms"]) == ("5", "5000")


@pytest.mark.parametrize(
    ("rule", "hit"),
    [
        ({"route": "arm_groups.get_group"}, True),
        ({"route": "arm_groups.*"}, True),
        ({"route": "files.*"}, False),
        ({"method": "get"}, True),
        ({"method": "PUT"}, False),
        ({"path": "*/RESOURCEGROUPS/rg-*"}, True),
        ({"path": "/subscriptions"}, False),
    ],
)
def test_calls_are_chosen_by_route_method_and_path(arm, azure, group, rule, hit):
    add(azure, fault="error", status=503, **rule)
    assert arm.get(group).status_code == (503 if hit else 200)


def test_the_nth_call_alone_fails(arm, azure):
    add(azure, fault="error", nth=3)
    assert [arm.get(LIST).status_code for _ in range(5)] == [200, 200, 500, 200, 200]
    assert seen(azure) == [(3, 1)]


def test_probability_is_drawn_the_same_every_time(arm, azure):
    runs = []
    for seed in (7, 7, 8):
        faults.clear(azure.store)
        add(azure, fault="error", probability=0.5, seed=seed)
        runs.append([arm.get(LIST).status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert {200, 500} == set(runs[0])


def test_an_error_comes_before_or_after_the_work(arm, azure):
    add(azure, fault="error", method="PUT", status=502, nth=1)
    assert code(arm.put(GROUP, {"location": "westus"})) == (502, "BadGateway")
    assert arm.get(GROUP).status_code == 404
    add(azure, fault="error", method="PUT", after=True, nth=1)
    assert code(arm.put(GROUP, {"location": "westus"})) == (500, "InternalServerError")
    assert arm.get(GROUP).status_code == 200


@pytest.mark.parametrize("fault", ["lose", "cut", "reset"])
@pytest.mark.parametrize(("after", "status"), [(True, 200), (None, 200), (False, 404)])
def test_a_reply_is_lost_once_the_work_is_done_or_before(arm, azure, fault, after, status):
    add(azure, fault=fault, method="PUT", after=after)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        arm.put(GROUP, {"location": "westus"})
    assert arm.get(GROUP).status_code == status


def test_a_slow_reply_takes_real_time_and_is_an_answer(arm, azure):
    add(azure, fault="slow", seconds=0.3, times=1)
    before = time.perf_counter()
    assert arm.get(LIST).status_code == 200
    assert time.perf_counter() - before >= 0.3


def test_a_conflict_names_the_account(arm, azure, account):
    add(azure, fault="conflict", route="arm_deployments.put_*", times=1)
    refused = arm.put(f"{account}/deployments/d", {})
    assert code(refused) == (409, "RequestConflict")
    assert f"'{account}'" in refused.json()["error"]["message"]


def test_a_permission_that_is_not_there_yet_is_said_as_the_service_says_it(arm, azure, account):
    add(azure, fault="permission", times=1)
    refused = arm.get(account)
    assert code(refused) == (403, "AuthorizationFailed")
    assert "Microsoft.CognitiveServices/accounts/read" in refused.json()["error"]["message"]
    assert arm.get(account).status_code == 200
    add(azure, fault="permission", route="models.*", times=1)
    arm.put(
        f"{account}/providers/Microsoft.Authorization/roleAssignments/aaaaaaaa-0000-4000-8000-000000000001",
        {"properties": {"roleDefinitionId": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd", "principalId": arm.who.id}},
    )
    path = "/cognitiveservices/acc-sub/openai/v1/models"
    data = arm.call("GET", path, audience="https://ai.azure.com")
    assert code(data) == (401, "PermissionDenied")
    assert identity.FTCTL_LOCAL.id in data.json()["error"]["message"]
    assert arm.call("GET", path, audience="https://ai.azure.com").status_code == 200


def test_any_refusal_can_be_said(arm, azure):
    add(azure, fault="refuse", status=451, code="Unavailable", message="Not here.", times=1)
    assert (code(arm.get(LIST)), arm.get(LIST).status_code) == ((451, "Unavailable"), 200)


def test_rules_are_asked_in_their_order_and_the_first_that_fires_wins(arm, azure):
    add(azure, fault="error", status=503, times=1)
    add(azure, fault="throttle")
    assert [arm.get(LIST).status_code for _ in range(3)] == [503, 429, 429]
    assert seen(azure) == [(1, 1), (2, 2)]


def test_all_processes_on_a_folder_share_rules_and_counts(tmp_path):
    clock = ManualClock()
    one, other = Azure(tmp_path, clock=clock), Azure(tmp_path, clock=clock)
    try:
        with one.serve() as first, other.serve() as second, requests.Session() as session:
            callers = Caller(one, first, session), Caller(other, second, session)
            assert [caller.get(LIST).status_code for caller in callers] == [200, 200]
            add(one, fault="error", nth=2)
            assert [caller.get(LIST).status_code for caller in callers] == [200, 500]
            assert faults.clear(other.store) == 1
            assert faults.rules(one.store) == []
    finally:
        one.close()
        other.close()


def test_jobs_fail_by_rule_once_each(azure):
    add(azure, failure="training", model="gpt-4.1-*", nth=2)
    add(azure, failure="stuck-validation", suffix="slow*", times=1)
    assert faults.of_job(azure, model="o4-mini-2025-04-16") is None
    model = "gpt-4.1-mini-2025-04-14"
    assert [faults.of_job(azure, model=model) for _ in range(3)] == [None, "training", None]
    assert faults.of_job(azure, model="x", suffix="slow-1") == "stuck-validation"
    assert faults.of_job(azure, model="x", suffix="slow-1") is None
    kinds = [doc["kind"] for doc in azure.store.all("fault")]
    assert kinds == ["job", "job"]


def test_rules_of_jobs_touch_no_calls(arm, azure):
    add(azure, failure="data")
    assert arm.get(LIST).status_code == 200
    assert seen(azure) == [(0, 0)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "either a `fault`"),
        ({"fault": "error", "failure": "data"}, "either a `fault`"),
        ({"fault": "explode"}, "`fault` is one of throttle"),
        ({"failure": "boredom"}, "`failure` is one of data"),
        ({"fault": "error", "nht": 3}, "there is no `nht`"),
        ({"fault": "error", "nth": "3"}, "`nth` is not a number"),
        ({"fault": "error", "nth": True}, "`nth` is not a number"),
        ({"fault": "error", "after": 1}, "`after` is not true or false"),
        ({"fault": "error", "nth": 0}, "`nth` is from 1"),
        ({"fault": "error", "status": 200}, "`status` is from 400 to 599"),
        ({"fault": "slow", "seconds": 301}, "`seconds` is from 0 to 300"),
        ({"fault": "error", "probability": 2}, "`probability` is from 0 to 1"),
        ({"fault": "refuse"}, "needs a `status`"),
        ({"fault": "permission", "after": True}, "before the work"),
        ({"failure": "data", "path": "*"}, "`path` has no meaning for a job"),
        ({"fault": "error", "model": "*"}, "`model` has no meaning for a call"),
        ({"fault": "error", "id": "7"}, "there is no `id`"),
        ({"fault": "late"}, "`late` needs a `route`: jobs.list_all or files.list_all"),
        ({"fault": "late", "route": "models.list_all"}, "`late` needs a `route`"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(given, why):
    with pytest.raises(BadRule, match=why):
        faults.rule(given)


def test_a_rule_is_told_in_one_line(azure):
    one = add(azure, **{"fault": "throttle", "route": "files.*", "retry-after": 2, "nth": 3})
    assert faults.described(one) == "1  throttle  route=files.*  nth=3  retry_after=2  (seen 0, failed 0)"
    assert faults.described(add(azure, failure="data")) == "2  job data  (seen 0, failed 0)"


def test_a_request_is_carried_out_twice_and_the_first_is_answered(arm, azure, account):
    with plane.v1(arm, account) as client:
        add(azure, fault="twice", route="files.upload", times=1)
        made = plane.upload(client, plane.chats(10))
        assert len(azure.store.all("file")) == 2
        assert made.id == azure.store.all("file")[0]["id"]
        plane.upload(client, plane.chats(11))
        assert len(azure.store.all("file")) == 3


def test_a_list_lags_behind_by_so_many_seconds_of_azures_clock(arm, azure, account, clock):
    with plane.v1(arm, account) as client:
        add(azure, fault="late", route="files.list_all", seconds=20)
        made = plane.upload(client, plane.chats(10))
        assert list(client.files.list()) == []
        assert client.files.retrieve(made.id).id == made.id
        clock.advance(21)
        assert [one.id for one in client.files.list()] == [made.id]
