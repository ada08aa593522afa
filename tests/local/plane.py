"""What tests of the data plane share: real clients on both routes, and training data."""

from __future__ import annotations

import io
import json
import ssl

import openai
import pytest

DATED = "2025-04-01-preview"
MODEL = "gpt-4.1-mini-2025-04-14"
STANDARD = {"trainingType": "standard"}
HOUR = 3600 / 360  # an hour of Azure's time on the test's clock


def key(arm, account):
    return arm.call("POST", f"{account}/listKeys").json()["key1"]


def http(served):
    return openai.DefaultHttpxClient(verify=ssl.create_default_context(cafile=served.ca_file))


def v1(arm, account):
    """The client that Microsoft's guides give for the undated route."""
    base_url = f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/"
    return openai.OpenAI(base_url=base_url, api_key=key(arm, account), http_client=http(arm.served), max_retries=0)


def dated(arm, account, version=DATED):
    return openai.AzureOpenAI(
        azure_endpoint=f"{arm.served.url}/cognitiveservices/acc-sub",
        api_key=key(arm, account),
        api_version=version,
        http_client=http(arm.served),
        max_retries=0,
    )


TOWNS = ["Oslo", "Bergen", "Malmo", "Turku", "Riga", "Vilnius", "Gdansk", "Lubeck", "Kiel", "Aarhus", "Odense"]


def chats(number, *, first=0):
    """Short questions that are alike, each with its own answer."""
    return [
        {
            "messages": [
                {"role": "system", "content": "You are the desk of a ferry line. Answer briefly."},
                {"role": "user", "content": f"When does ferry {n} leave for {TOWNS[n % len(TOWNS)]}?"},
                {
                    "role": "assistant",
                    "content": f"Ferry {n} to {TOWNS[n % len(TOWNS)]} leaves at {n % 24}:15. Safe travels!",
                },
            ]
        }
        for n in range(first, first + number)
    ]


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def upload(client, rows, name="train.jsonl"):
    content = rows if isinstance(rows, bytes) else jsonl(rows)
    return client.files.create(file=(name, io.BytesIO(content)), purpose="fine-tune")


def start(client, train, **options):
    extra = options.pop("extra_body", STANDARD)
    return client.fine_tuning.jobs.create(model=MODEL, training_file=train, extra_body=extra, **options)


def refusal(call):
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    return caught.value.status_code, caught.value.body["code"], caught.value.body["message"]


def messages(client, job, **options):
    return [event.message for event in client.fine_tuning.jobs.list_events(job.id, **options)][::-1]
