"""Requests that no client would send, on the data plane: each is answered with a 4xx and an error body, or works."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl.local import copies
from ftctl.local.wire import Request
from tests.local import plane
from tests.local.plane import DATED, HOUR, MODEL, chats, upload

GRADER = {"type": "string_check", "input": "{{sample.output_text}}", "reference": "x", "operation": "eq"}
SIMILAR = {
    "type": "text_similarity",
    "input": "{{sample.output_text}}",
    "reference": "x",
    "evaluation_metric": "meteor",
}
JUDGE = {
    "type": "score_model",
    "model": "gpt-4o-2024-08-06",
    "input": [{"role": "user", "content": "x"}],
    "range": [0, 1],
}
MULTI = {"type": "multi", "graders": {"a": GRADER, "b": SIMILAR, "c": JUDGE}, "calculate_output": "a + b * c"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
JOB = {
    "model": MODEL,
    "training_file": "FILE",
    "validation_file": "FILE",
    "trainingType": "standard",
    "suffix": "x",
    "seed": 1,
    "metadata": {"a": "b"},
    "integrations": [{"type": "wandb", "wandb": {"project": "p", "tags": ["t"]}}],
    "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 1, "prompt_loss_weight": 0.1}}},
}
EXPIRES = {"anchor": "created_at", "seconds": 1_209_600}
UPLOAD = {"purpose": "fine-tune", "filename": "a", "bytes": 5, "mime_type": "x", "expires_after": EXPIRES}
IMPORT = {"purpose": "fine-tune", "filename": "a", "content_url": "http://127.0.0.1:1/x", "expires_after": EXPIRES}
CHAT = {
    "messages": [{"role": "user", "content": "json"}],
    "n": 2,
    "seed": 1,
    "stop": ["x"],
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_tokens": 5,
    "response_format": FORM,
}
V1, OLD = "/openai/v1", "/openai"
SEEDS = [
    (V1, "/fine_tuning/jobs", JOB),
    (OLD, "/fine_tuning/jobs", JOB | {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.1}}}}),
    (V1, "/fine_tuning/jobs", JOB | {"model": "o4-mini-2025-04-16", "trainingType": "globalStandard"}
     | {"method": {"type": "reinforcement", "reinforcement": {"grader": MULTI, "response_format": FORM}}}),
    (V1, "/fine_tuning/alpha/graders/run", {"grader": MULTI, "model_sample": "{}", "item": {"a": 1}}),
    (V1, "/fine_tuning/alpha/graders/validate", {"grader": JUDGE}),
    (V1, "/uploads", UPLOAD),
    (OLD, "/uploads/UPLOAD/complete", {"part_ids": ["x"], "md5": "x"}),
    (OLD, "/files/import", IMPORT),
    (V1, "/fine_tuning/jobs/JOB/checkpoints/CHECKPOINT/copy", {"destinationResourceId": "/x", "region": "y"}),
    (OLD, "/deployments/base/chat/completions", CHAT),
    (V1, "/chat/completions", CHAT | {"model": "base"}),
]  # fmt: skip

WRONG = [None, True, 0, -1, 1, 2**70, 1.5, float("nan"), float("inf"), "", "x", "\ud800", "\0", "{{item.x}}", "9" * 400]
WRONG += [
    [],
    {},
    [[]],
    [{}],
    {"": None},
    {"type": "json_schema"},
    {"type": []},
    ["a"] * 40,
    {"a": {"b": [1, "2", None]}},
]
leaves = st.sampled_from(WRONG)


def places(body, path=()):
    yield path
    if isinstance(body, dict | list):
        for key in body if isinstance(body, dict) else range(len(body)):
            yield from places(body[key], (*path, key))


def changed(body, path, value, *, drop):
    if not path:
        return value
    whole = json.loads(json.dumps(body))
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return whole


@pytest.fixture
def ask(arm, account, azure, clock, monkeypatch):
    monkeypatch.setenv("FTCTL_LOCAL_DEBUG", "1")
    with plane.v1(arm, account) as client:
        file = upload(client, chats(12)).id
        clock.advance(1)
        job = client.fine_tuning.jobs.create(model=MODEL, training_file=file, extra_body=plane.STANDARD)
        clock.advance(2 * HOUR)
        point = client.fine_tuning.jobs.checkpoints.list(job.id).data[0].id
        part = client.uploads.create(**{name: value for name, value in UPLOAD.items() if name != "expires_after"}).id
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": "gpt-4.1-mini", "version": "2025-04-14"}},
    }
    assert arm.put(f"{account}/deployments/base", body).status_code == 201
    names = {"FILE": file, "UPLOAD": part, "JOB": job.id, "CHECKPOINT": point}
    headers = {"api-key": plane.key(arm, account), copies.HEADER: "preview", "content-type": "application/json"}

    def call(route, path, body, method="POST", query=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, value in names.items():
            path, raw = path.replace(name, value), raw.replace(f'"{name}"'.encode(), f'"{value}"'.encode())
        query = ({"api-version": DATED} if route == OLD else {}) | (query or {})
        whole = f"/cognitiveservices/acc-sub{route}{path}"
        request = Request(azure, method, whole, query, headers, io.BytesIO(raw), len(raw), "https://localhost")
        reply = azure.handle(request)
        content = reply.body if isinstance(reply.body, dict) else {}
        if reply.body is not None and not isinstance(reply.body, dict | bytes):
            assert list(reply.body)  # streams are read to their end
        return reply.status, content

    return call


def sound(status, content):
    if status >= 400:
        assert content["error"]["code"]
        assert content["error"]["message"]
    return status < 500


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bodies_that_are_wrong_somewhere(ask, data):
    route, path, body = data.draw(st.sampled_from(SEEDS))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(list(places(body))))
        body = changed(body, place, data.draw(leaves), drop=bool(place) and data.draw(st.booleans()))
    assert sound(*ask(route, path, body)), (path, body)


@pytest.mark.parametrize(("route", "path"), sorted({(route, path) for route, path, _ in SEEDS}))
def test_bodies_that_are_no_objects(ask, route, path):
    for raw in (b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000, b"{}"):
        status, content = ask(route, path, raw)
        assert 400 <= status < 500, (raw[:20], status)
        assert sound(status, content)


@pytest.mark.parametrize(
    "path", ["/fine_tuning/jobs", "/fine_tuning/jobs/JOB/events", "/fine_tuning/jobs/JOB/checkpoints", "/files"]
)
def test_queries_that_are_wrong(ask, path):
    for name in ("after", "limit", "order"):
        for value in ("", "-1", "0", "x", "9" * 50, "\0", "²", "1e3", "null", f"ftevent-{'f' * 32}"):
            for route in (V1, OLD):
                assert sound(*ask(route, path, b"", "GET", {name: value})), (name, value)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/files/{}"),
        ("GET", "/files/{}/content"),
        ("DELETE", "/files/{}"),
        ("GET", "/fine_tuning/jobs/{}"),
        ("GET", "/fine_tuning/jobs/{}/events"),
        ("POST", "/fine_tuning/jobs/{}/pause"),
        ("POST", "/fine_tuning/jobs/{}/resume"),
        ("POST", "/fine_tuning/jobs/{}/cancel"),
        ("GET", "/fine_tuning/jobs/{}/checkpoints/{}/copy"),
        ("POST", "/uploads/{}/parts"),
        ("POST", "/uploads/{}/cancel"),
        ("GET", "/models/{}"),
        ("DELETE", "/models/{}"),
    ],
)
def test_names_that_are_wrong(ask, method, path):
    for name in ("x", "..", "\0", "é" * 300, "%2e%2e", "file-", "'; DROP TABLE thing; --", "a|b", " "):
        status, content = ask(V1, path.replace("{}", name), b"", method)
        assert 400 <= status < 500, (name, status)
        assert sound(status, content)
