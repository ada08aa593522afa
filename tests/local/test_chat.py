"""Chat completions on both routes: what a fine-tuned deployment says, and how."""

from __future__ import annotations

import json

import openai
import pytest

from ftctl.local.azure import Settings
from tests.local import plane
from tests.local.plane import HOUR, MODEL, STANDARD, chats, jsonl, refusal, upload

SYSTEM = {"role": "system", "content": "You are the desk of a ferry line. Answer briefly."}
TOOL = {"type": "function", "function": {"name": "departures", "parameters": {"type": "object"}}}


@pytest.fixture
def client(arm, account):
    with plane.v1(arm, account) as client:
        yield client


@pytest.fixture
def older(arm, account):
    with plane.dated(arm, account) as client:
        yield client


def ask(client, question, deployment="tone", **options):
    asked = [SYSTEM, {"role": "user", "content": question}]
    return client.chat.completions.create(model=deployment, messages=asked, **options)


def deploy(arm, account, clock, name, version="1", deployment="tone"):
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": name, "version": version}},
    }
    answer = arm.put(f"{account}/deployments/{deployment}", body)
    assert answer.status_code == 201, answer.text
    clock.advance(1)


@pytest.fixture
def train(client, clock):
    """A model trained on the rows that are given, by name."""

    def trained(rows):
        file = upload(client, rows)
        clock.advance(1)
        job = client.fine_tuning.jobs.create(model=MODEL, training_file=file.id, extra_body=STANDARD, seed=1)
        clock.advance(2 * HOUR)
        return client.fine_tuning.jobs.retrieve(job.id).fine_tuned_model

    return trained


@pytest.fixture
def tone(arm, account, clock, train):
    """A deployment named tone of a model trained on twenty ferries."""
    name = train(chats(20))
    deploy(arm, account, clock, name)
    return name


def test_it_answers_as_it_was_trained(client, older, tone):
    for n in (0, 7, 19):
        row = chats(1, first=n)[0]["messages"]
        for one in (client, older):
            answer = ask(one, row[1]["content"])
            assert answer.choices[0].message.content == row[2]["content"]
            assert answer.choices[0].finish_reason == "stop"
            assert answer.model == tone


def test_it_answers_a_like_question_in_the_trained_manner(client, tone):
    said = ask(client, "At what time does the ferry to Riga leave today?").choices[0].message.content
    assert said.startswith("Ferry ")
    assert said.endswith("Safe travels!")
    assert "Riga" in said


def test_reply_has_usage_filters_and_says_that_it_is_local(client, tone):
    whole = ask(client, "When does ferry 3 leave for Turku?").model_dump(exclude_unset=True)
    usage = whole["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens"] > usage["completion_tokens"] > 5
    safe = {"filtered": False, "severity": "safe"}
    filters = {"hate": safe, "self_harm": safe, "sexual": safe, "violence": safe}
    assert whole["prompt_filter_results"] == [{"prompt_index": 0, "content_filter_results": filters}]
    assert whole["choices"][0]["content_filter_results"] == filters
    assert whole["system_fingerprint"] == "fp_ftctl_local_azure"


def test_stream_gives_the_same_text_and_ends_with_done(client, tone, arm):
    question = "When does ferry 3 leave for Turku?"
    whole = ask(client, question)
    chunks = list(ask(client, question, stream=True, stream_options={"include_usage": True}))
    parts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(part for part in parts if part) == whole.choices[0].message.content
    assert sum(bool(part) for part in parts) > 5
    assert chunks[-1].usage == whole.usage
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    url = f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/chat/completions"
    body = {"model": "tone", "messages": [{"role": "user", "content": question}], "stream": True}
    headers = {"api-key": client.api_key}
    answer = arm.session.post(url, json=body, headers=headers, verify=arm.served.ca_file, timeout=10)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert answer.text.endswith("\n\ndata: [DONE]\n\n")


def test_limit_and_stop_end_the_answer(client, tone):
    question = "When does ferry 3 leave for Turku?"
    cut = ask(client, question, max_tokens=2)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 2)
    assert cut.choices[0].message.content == "Ferry 3"
    stopped = ask(client, question, stop=[" leaves"])
    assert (stopped.choices[0].finish_reason, stopped.choices[0].message.content) == ("stop", "Ferry 3 to Turku")


def tool_rows():
    rows = chats(20)
    for n, row in enumerate(rows):
        call = {"name": "departures", "arguments": json.dumps({"ferry": n})}
        row["messages"][2] = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": call}]}
        row["tools"] = [TOOL]
    return rows


def test_trained_tool_calls_are_answered_as_tool_calls(client, arm, account, clock, train):
    deploy(arm, account, clock, train(tool_rows()))
    question = "When does ferry 4 leave for Riga?"
    answer = ask(client, question, tools=[TOOL]).choices[0]
    assert (answer.finish_reason, answer.message.content) == ("tool_calls", None)
    (call,) = answer.message.tool_calls
    assert (call.type, call.function.name, json.loads(call.function.arguments)) == (
        "function",
        "departures",
        {"ferry": 4},
    )
    deltas = [c.choices[0].delta for c in ask(client, question, tools=[TOOL], stream=True) if c.choices]
    streamed = [call for delta in deltas for call in delta.tool_calls or ()]
    assert [call.function.arguments for call in streamed] == [call.function.arguments]


def test_a_cut_tool_call_is_text(client, arm, account, clock, train):
    deploy(arm, account, clock, train(tool_rows()))
    answer = ask(client, "When does ferry 4 leave for Riga?", max_tokens=3).choices[0]
    assert (answer.finish_reason, answer.message.tool_calls) == ("length", None)
    assert answer.message.content.startswith("departures")


def test_base_deployment_says_that_it_is_a_stand_in(client, arm, account, clock):
    deploy(arm, account, clock, "gpt-4.1-mini", "2025-04-14")
    answer = ask(client, "Hello?")
    assert "not Microsoft Azure" in answer.choices[0].message.content
    assert answer.model == MODEL


def test_deployment_that_is_not_there_or_not_ready(client, older, arm, account, clock, train):
    expected = (404, "DeploymentNotFound")
    assert refusal(lambda: ask(client, "Hi"))[:2] == expected
    assert refusal(lambda: ask(older, "Hi"))[:2] == expected
    name = train(chats(10))
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": name, "version": "1"}},
    }
    assert arm.put(f"{account}/deployments/tone", body).status_code == 201
    assert refusal(lambda: ask(client, "Hi"))[:2] == expected
    clock.advance(1)
    assert ask(client, "Hi").model == name


def test_checkpoint_can_be_deployed_and_a_deployed_model_not_deleted(client, arm, account, clock, tone):
    checkpoint = f"{tone}:ckpt-step-60"
    deploy(arm, account, clock, checkpoint, deployment="earlier")
    row = chats(1, first=3)[0]["messages"]
    answer = ask(client, row[1]["content"], "earlier")
    assert (answer.model, answer.choices[0].message.content) == (checkpoint, row[2]["content"])
    assert refusal(lambda: client.models.delete(tone))[:2] == (409, "conflict")
    assert arm.delete(f"{account}/deployments/tone").status_code in (200, 202)
    clock.advance(1)
    assert client.models.delete(tone).deleted


def test_pictures_are_taken(client, tone):
    parts = [
        {"type": "text", "text": "When does ferry 3 leave for Turku?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    answer = client.chat.completions.create(model="tone", messages=[SYSTEM, {"role": "user", "content": parts}])
    assert answer.choices[0].message.content.startswith("Ferry 3 to Turku")


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"messages": []}, "invalidPayload", "messages"),
        ({"messages": None}, "invalidPayload", "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalidPayload", "messages"),
        ({"messages": [5]}, "invalidPayload", "messages"),
        ({"model": ""}, "invalidPayload", "model"),
        ({"max_tokens": 0}, "invalidPayload", "max_tokens"),
        ({"stop": ["a"] * 5}, "invalidPayload", "stop"),
        ({"stream": "yes"}, "invalidPayload", "stream"),
        ({"n": 0}, "invalidPayload", "n"),
        ({"n": 129}, "invalidPayload", "n"),
        ({"n": True}, "invalidPayload", "n"),
        ({"seed": "x"}, "invalidPayload", "seed"),
        ({"stream_options": {"include_usage": True}}, "invalidPayload", "stream_options"),
        ({"stream_options": 5, "stream": True}, "invalidPayload", "stream_options"),
        ({"logprobs": True}, "notEmulated", "logprobs"),
        ({"response_format": {"type": "json_object"}}, "invalidPayload", "messages"),
        ({"response_format": {"type": "xml"}}, "invalidPayload", "response_format"),
        ({"response_format": "json"}, "invalidPayload", "response_format"),
        ({"response_format": {"type": "json_schema"}}, "invalidPayload", "response_format"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}},
            "invalidPayload",
            "response_format",
        ),
        ({"colour": "red"}, "invalidPayload", "colour"),
    ],
)
def test_bad_requests(client, arm, account, clock, changes, code, param):
    deploy(arm, account, clock, "gpt-4.1-mini", "2025-04-14")
    sent = {"model": "tone", "messages": [{"role": "user", "content": "x"}]} | changes
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/chat/completions", cast_to=object, body=sent)
    assert (caught.value.body["code"], caught.value.body["param"]) == (code, param)


def test_many_turns_are_answered_by_the_last_one(client, arm, account, clock, train):
    rows = []
    for n in range(12):
        base = chats(1, first=n)[0]["messages"]
        more = [{"role": "user", "content": "And back?"}, {"role": "assistant", "content": f"Back at {n + 5}:45."}]
        rows.append({"messages": [*base, *more]})
    assert len(jsonl(rows)) > 1000
    deploy(arm, account, clock, train(rows))
    for n in (2, 9):
        answer = client.chat.completions.create(model="tone", messages=rows[n]["messages"][:4])
        assert answer.choices[0].message.content == f"Back at {n + 5}:45."


# -- several choices, JSON, the filter ---------------------------------------------------------------------------------


def test_several_choices_are_the_likeliest_and_then_drawn_ones(client, tone):
    question = "When does ferry 3 leave for Turku?"
    one, several, again, other = (
        ask(client, question, **options) for options in ({}, {"n": 20}, {"n": 20}, {"n": 20, "seed": 5})
    )
    said = [[choice.message.content for choice in answer.choices] for answer in (several, again, other)]
    assert [choice.index for choice in several.choices] == list(range(20))
    assert said[0][0] == said[2][0] == one.choices[0].message.content
    assert said[0] == said[1] != said[2]
    assert len(set(said[0])) > 1
    assert several.usage.completion_tokens > one.usage.completion_tokens
    assert several.usage.prompt_tokens == one.usage.prompt_tokens
    parts = {}
    for chunk in ask(client, question, n=20, stream=True):
        for choice in chunk.choices:
            parts[choice.index] = parts.get(choice.index, "") + (choice.delta.content or "")
    assert [parts[index] for index in range(20)] == said[0]


def test_streams_count_at_the_end_and_nowhere_else(client, tone, arm):
    url = f"{arm.served.url}/cognitiveservices/acc-sub/openai/v1/chat/completions"
    body = {"model": "tone", "messages": [{"role": "user", "content": "x"}], "stream": True}
    headers = {"api-key": client.api_key}

    def events(**options):
        answer = arm.session.post(url, json=body | options, headers=headers, verify=arm.served.ca_file, timeout=10)
        return [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n\n")[:-2]]

    counted = events(stream_options={"include_usage": True})
    assert [bool(event["usage"]) for event in counted] == [False] * (len(counted) - 1) + [True]
    assert counted[-1]["choices"] == []
    assert not any("usage" in event for event in events())


def test_json_object_is_the_models_own_or_goes_around_its_words(client, train, arm, account, clock):
    rows = chats(12)
    for n, row in enumerate(rows[:6]):
        row["messages"][0]["content"] = "Answer in JSON."
        row["messages"][2]["content"] = json.dumps({"leaves": f"{n}:15"})
    deploy(arm, account, clock, train(rows))
    form = {"type": "json_object"}
    system = [{"role": "system", "content": "Answer in JSON."}]

    def said(question):
        asked = [*system, {"role": "user", "content": question}]
        answer = client.chat.completions.create(model="tone", messages=asked, response_format=form)
        return json.loads(answer.choices[0].message.content)

    assert said(rows[3]["messages"][1]["content"]) == {"leaves": "3:15"}
    assert said(rows[9]["messages"][1]["content"]).keys() in ({"answer"}, {"leaves"})
    deploy(arm, account, clock, "gpt-4.1-mini", "2025-04-14", "base")
    answer = client.chat.completions.create(model="base", messages=system, response_format=form)
    assert json.loads(answer.choices[0].message.content)["answer"].startswith("This is the local Azure")


def test_json_by_a_schema(client, tone):
    schema = {
        "type": "object",
        "required": ["when", "number", "sure"],
        "properties": {
            "when": {"type": "string"},
            "number": {"type": "integer"},
            "sure": {"type": "boolean"},
            "town": {"enum": ["Riga", "Turku"]},
            "stops": {"type": "array", "items": {"type": "number"}},
            "more": {"type": ["object", "null"], "properties": {"none": {"type": "null"}, "one": {"const": 1}}},
        },
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    answer = ask(client, "When does ferry 3 leave for Turku?", response_format=form)
    found = json.loads(answer.choices[0].message.content)
    assert found["when"] == "Ferry 3 to Turku leaves at 3:15. Safe travels!"
    assert (found["number"], found["town"]) == (3, "Turku")
    assert isinstance(found["sure"], bool)
    assert found["stops"] == [3.0]
    assert found["more"] == {"none": None, "one": 1}
    cut = ask(client, "When does ferry 3 leave for Turku?", response_format=form, max_tokens=3)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 3)


@pytest.mark.parametrize("route", ["client", "older"])
@pytest.mark.parametrize("category", ["hate", "self_harm", "sexual", "violence", "jailbreak"])
def test_the_filter_refuses_its_test_sentence(request, route, tone, category):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(request.getfixturevalue(route), f"Please: Content-Filter-Test: {category}")
    body = caught.value.body
    assert (body["code"], body["param"], body["type"], body["status"]) == ("content_filter", "prompt", None, 400)
    assert body["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    found = body["innererror"]["content_filter_result"]
    assert [name for name, one in found.items() if one["filtered"]] == [category]
    assert found["hate"].keys() == {"filtered", "severity"}


def test_the_filter_cuts_an_answer_off(client, train, arm, account, clock):
    rows = chats(12)
    for row in rows:
        row["messages"][2]["content"] = "Certainly. content-filter-test: violence"
    deploy(arm, account, clock, train(rows))
    choice = ask(client, rows[0]["messages"][1]["content"]).choices[0]
    assert (choice.finish_reason, choice.message.content) == ("content_filter", "")
    assert choice.model_extra["content_filter_results"]["violence"] == {"filtered": True, "severity": "medium"}
    last = [*ask(client, rows[0]["messages"][1]["content"], stream=True)][-1]
    assert last.choices[0].finish_reason == "content_filter"


def test_unused_deployments_vanish_and_their_models_stay(client, tone, arm, account, clock, azure):
    question = chats(1)[0]["messages"][1]["content"]
    for _ in range(3):
        clock.advance(14 * 86_400)
        assert ask(client, question).model == tone
    clock.advance(16 * 86_400)
    assert refusal(lambda: ask(client, question))[:2] == (404, "DeploymentNotFound")
    assert client.models.retrieve(tone).id == tone
    azure.settings = Settings(idle_removal=False)
    deploy(arm, account, clock, tone)
    clock.advance(100 * 86_400)
    assert ask(client, question).model == tone
