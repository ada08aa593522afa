"""What the operations say of themselves: limits, headers, words of refusals, and which route has which of them."""

from __future__ import annotations

import pytest
import requests

from ftctl.cli import serving
from ftctl.local import identity
from tests.local import plane
from tests.local.conftest import ACCOUNT, GROUP, SUBSCRIPTION, code
from tests.local.plane import DATED, MODEL, chats, refusal, upload

PROVIDER = f"{SUBSCRIPTION}/providers/Microsoft.CognitiveServices"


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def train(client, clock):
    made = upload(client, chats(12))
    clock.advance(1)
    return made.id


@pytest.fixture
def ask(arm, account):
    """A call of the data plane by key, or as somebody."""
    base = f"{arm.served.url}/cognitiveservices/acc-sub"

    def ask(method, path, key=None, headers=None):
        headers = {"api-key": key or plane.key(arm, account)} if headers is None else headers
        return requests.request(method, base + path, headers=headers, verify=arm.served.ca_file, timeout=10)

    return ask


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("standard", "standard"),
        ("STANDARD", "standard"),
        ("globalstandard", "globalStandard"),
        ("DeveloperTier", "developerTier"),
        (0, "standard"),
        (1, "globalStandard"),
        (2, "developerTier"),
    ],
)
def test_training_types_are_taken_in_any_case_and_by_number(client, train, sent, shown):
    job = client.fine_tuning.jobs.create(model=MODEL, training_file=train, extra_body={"trainingType": sent})
    assert job.model_extra["trainingType"] == shown
    assert client.fine_tuning.jobs.retrieve(job.id).model_extra["trainingType"] == shown


def test_the_region_decides_which_training_there_is(client, train):
    """Training in a data zone is offered in the United States alone."""
    order = {"model": "gpt-4.1-2025-04-14", "training_file": train}
    assert client.fine_tuning.jobs.create(**order, extra_body={"trainingType": "globalStandard"}).status == "pending"
    refused = refusal(lambda: client.fine_tuning.jobs.create(**order, extra_body={"trainingType": "datazoneStandard"}))
    assert refused == (400, "invalidPayload", "The specified base model does not support fine-tuning.")


def test_an_account_tells_its_limits_of_fine_tuning(arm, account):
    told = {one["name"]: one.get("value") for one in arm.get(account).json()["properties"]["capabilities"]}
    limits = {
        "MaxFineTuneCount": "500",
        "MaxRunningFineTuneCount": "3",
        "MaxRunningGlobalStandardFineTuneCount": "3",
        "MaxUserFileCount": "100",
        "MaxTrainingFileSize": "512000000",
        "MaxUserFileImportDurationInHours": "1",
        "MaxFineTuneJobDurationInHours": "720",
    }
    assert told | limits == told


def test_arm_says_what_is_left_of_its_limits(arm, group):
    left = "x-ms-ratelimit-remaining-subscription-"
    assert arm.get(group).headers[f"{left}reads"] == "1099"
    assert arm.put(group, {"location": "swedencentral"}).headers[f"{left}writes"] == "799"
    assert arm.delete(ACCOUNT).headers[f"{left}deletes"] == "799"


def test_answers_of_the_data_plane_name_their_region_and_themselves(ask):
    for reply in (ask("GET", "/openai/v1/models"), ask("GET", "/openai/v1/models/none")):
        assert reply.headers["x-ms-region"] == "swedencentral"
        assert reply.headers["apim-request-id"]
        assert reply.headers["x-request-id"]


def test_a_wrong_key_is_told_in_the_services_words(ask):
    reply = ask("GET", "/openai/v1/models", key="0" * 32)
    assert code(reply) == (401, "401")
    start = "Access denied due to invalid subscription key or wrong API endpoint."
    assert reply.json()["error"]["message"].startswith(start)


def test_a_missing_data_action_is_named(arm, ask):
    token = arm.as_(identity.FTCTL_LOCAL).token("https://cognitiveservices.azure.com")
    reply = ask("GET", "/openai/v1/fine_tuning/jobs", headers={"Authorization": f"Bearer {token}"})
    assert code(reply) == (401, "PermissionDenied")
    action = "Microsoft.CognitiveServices/accounts/OpenAI/fine-tunes/read"
    who = identity.FTCTL_LOCAL.id
    told = (
        f"The principal `{who}` lacks the required data action `{action}` to perform `GET /openai/v1/fine_tuning/jobs"
    )
    assert reply.json()["error"]["message"].startswith(told)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/openai/v1/files/import"),
        ("DELETE", "/openai/v1/fine_tuning/jobs/ftjob-x"),
        ("POST", f"/openai/fine_tuning/alpha/graders/run?api-version={DATED}"),
        ("POST", f"/openai/fine_tuning/alpha/graders/validate?api-version={DATED}"),
        ("POST", f"/openai/fine_tuning/jobs/ftjob-x/checkpoints/c/copy?api-version={DATED}"),
    ],
)
def test_what_one_route_has_the_other_has_not(ask, method, path):
    assert ask(method, path).status_code in (404, 405)


@pytest.mark.parametrize("path", [ACCOUNT, f"{ACCOUNT}/deployments/none"])
def test_what_is_not_there_is_deleted_with_204(arm, group, path):
    reply = arm.delete(path)
    assert (reply.status_code, reply.content) == (204, b"")


def test_what_is_not_soft_deleted_is_purged_with_204(arm, group):
    name = GROUP.rpartition("/")[2]
    path = f"{PROVIDER}/locations/swedencentral/resourceGroups/{name}/deletedAccounts/none"
    assert arm.delete(path).status_code == 204
    assert arm.get(path).status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.7.4", "lab.example"])
def test_listening_where_others_can_call_is_warned_of(host, capsys):
    serving.warn_of(host)
    told = capsys.readouterr().err
    assert told.startswith("Warning: ")
    assert host in told


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_listening_on_this_machine_alone_is_not(host, capsys):
    serving.warn_of(host)
    assert capsys.readouterr().err == ""
