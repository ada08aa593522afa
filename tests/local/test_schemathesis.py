"""Requests that schemathesis makes from the published schemas of the data plane, valid ones and broken ones.

Whatever is sent: no 500, no traceback, and every refusal has a body of the documented shape. What answers a valid
request fits the schema, or the difference is meant and says why in `meant_differences.yaml`.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import pytest
import requests
import yaml
from hypothesis import HealthCheck, Phase, given, seed, settings
from jsonschema import Draft4Validator, Draft202012Validator

from tests.local import plane, walks
from tests.local.replays import lab, made
from tests.local.shapes import REFERENCE, Meant

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytestmark = [
    pytest.mark.reference,
    pytest.mark.skipif(not REFERENCE.is_dir(), reason="the schemas are not beside the project"),
]

DATED = "2024-03-01-preview"
ROUTES = {
    "dated": ("azure_openai_authoring_2024-03-01-preview.yml", "/openai"),
    "v1": ("openai_openapi_trimmed.json", "/openai/v1"),
}
METHODS = {"get", "put", "post", "delete", "patch"}
SYSTEMATIC, DRAWN = 400, 6  # requests for an operation: at most so many by system, and so many of each kind by a seed
# What a schema calls something that there is here; the names in capitals stand for ids.
THERE = {
    "file_id": "FILE",
    "training_file": "FILE",
    "fine_tuning_job_id": "JOB",
    "upload_id": "UPLOAD",
    "model_id": plane.MODEL,
    "model": plane.MODEL,
    "api_version": DATED,
}
ERROR = {"code", "message", "param", "type", "target", "details", "innererror", "inner_error"}
NEEDED = {"dated": {"code", "message"}, "v1": {"code", "message", "param", "type"}}


@cache
def specification(route: str) -> dict[str, Any]:
    """A schema with the names of what there is in place of any text."""
    text = (REFERENCE / "specs" / ROUTES[route][0]).read_text("utf-8")
    spec = json.loads(text) if text.startswith("{") else yaml.load(text, Loader=yaml.CSafeLoader)
    parameters = [one for path in spec["paths"].values() for way in path.values() for one in way.get("parameters", [])]
    for one in (*parameters, *spec.get("parameters", {}).values()):
        name = one.get("name", "").replace("-", "_")
        if name in THERE and one["in"] in ("path", "query") and (one["in"] == "path" or name == "api_version"):
            one.get("schema", one)["enum"] = [THERE[name]]
    bodies = spec.get("definitions") or spec["components"]["schemas"]
    for body in ("FineTuningJobCreation", "CreateFineTuningJobRequest"):
        for name in {"training_file", "model"} if body in bodies else ():
            bodies[body]["properties"][name] = {"type": "string", "enum": [THERE[name]]}
    if "CreateChatCompletionRequest" in bodies:
        bodies["ModelIdsShared"] = {"type": "string", "enum": ["base"]}
    return spec


def operations() -> Iterator[tuple[str, str]]:
    for route in ROUTES if REFERENCE.is_dir() else ():
        for path, ways in specification(route)["paths"].items():
            yield from ((route, f"{way.upper()} {path}") for way in ways if way in METHODS)


class Place(NamedTuple):
    """One local Azure with a file, a job that ended, an upload and a deployment."""

    call: Callable[[Any], requests.Response]
    ids: dict[str, str]


@contextmanager
def place(route: str) -> Iterator[Place]:
    with lab() as arm:
        account = made(arm, "rg", "acc", "swedencentral", properties={"customSubDomainName": "acc-sub"})
        assert arm.put(f"{account}/deployments/base", walks.DEPLOYMENT).ok
        data = walks.Data(arm, account, "2025-04-01-preview")
        file = data.upload("train.jsonl", plane.jsonl(plane.chats(12)))["id"]
        arm.azure.clock.advance(3600)
        order = {"model": plane.MODEL, "training_file": file, "trainingType": "standard"}
        job = data("POST", "/fine_tuning/jobs", order)["id"]
        about = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 3, "mime_type": "text/plain"}
        upload = data("POST", "/uploads", about)["id"]
        arm.azure.clock.advance(7000)
        ids = {"FILE": file, "JOB": job, "UPLOAD": upload}
        url = f"{arm.served.url}/cognitiveservices/acc-sub{ROUTES[route][1]}"

        def call(case: Any) -> Any:
            case.path_parameters = named(case.path_parameters, ids)
            case.body = named(case.body, ids)
            return case.call(url, session, data.headers, verify=arm.served.ca_file, timeout=20)

        with requests.Session() as session:
            yield Place(call, ids)


def named(value: Any, ids: dict[str, str]) -> Any:
    """A value with ids in place of the names that stand for them."""
    match value:
        case dict():
            return {key: named(one, ids) for key, one in value.items()}
        case list():
            return [named(one, ids) for one in value]
        case str():
            return ids.get(value, value)
        case _:
            return value


def requests_for(operation: Any, take: Callable[..., None]) -> None:
    """The ways in which a request can be at a limit or over it, one by one; and some that are drawn at random."""
    modes, config = list(schemathesis.GenerationMode), operation.schema.config.generation
    cases = operation.schema.iter_coverage_cases(operation, generation_modes=modes, generation_config=config)
    for case in islice(cases, SYSTEMATIC):
        take(case, drawn=False)
    quiet = settings(
        max_examples=DRAWN,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for mode in modes:
        drawn = given(case=operation.as_strategy(generation_mode=mode))(lambda case: take(case, drawn=True))
        seed(0)(quiet(drawn))()


def judged(route: str, operation: Any, *, valid: bool, response: Any) -> Iterator[str]:
    """What is wrong with an answer, one line each; a refusal of a valid request may be meant."""
    status, about = response.status_code, f"generated {route} {operation.label}"
    if status >= 500:
        yield f"{about}: failed {status}"
    elif status >= 400:
        error = refusal(response)
        if not documented(error, NEEDED[route] if "/openai" in response.request.url else NEEDED["dated"]):
            yield f"{about}: undocumented {status} {response.text[:200]}"
        elif valid:
            told = re.sub(r"'[^']*'|\d+", "…", error["message"])
            yield f"{about}: refused {status} {error['code']} {told[:90]}"
    else:
        expected = specification(route)["paths"][operation.path][operation.method]["responses"].get(str(status))
        if expected is None:
            yield f"{about}: other status {status}"
        else:
            yield from (f"{about}: unfit {one}" for one in unfit(route, expected, response))


def unfit(route: str, expected: dict[str, Any], response: Any) -> Iterator[str]:
    """Where the body of an answer is not as the schema has it; bodies other than JSON are not looked into."""
    spec = specification(route)
    schema = expected.get("schema") or expected.get("content", {}).get("application/json", {}).get("schema", {})
    if "json" in response.headers.get("content-type", [""])[0] and schema.get("type") != "file":
        kind = Draft4Validator if route == "dated" else Draft202012Validator
        definitions = {name: spec[name] for name in ("definitions", "components") if name in spec}
        for error in kind({**schema, **definitions}).iter_errors(json.loads(response.content)):
            place = ".".join("#" if isinstance(part, int) else part for part in error.absolute_path)
            yield f"{place}: {error.message[:100]}"


def refusal(response: Any) -> Any:
    try:
        return json.loads(response.content)["error"]
    except (ValueError, KeyError, TypeError):
        return None


def documented(error: Any, needed: set[str]) -> bool:
    if not isinstance(error, dict) or not needed <= error.keys() <= ERROR:
        return False
    return all(isinstance(error[name], str) and error[name] for name in ("code", "message"))


@pytest.mark.parametrize(("route", "label"), list(operations()))
def test_generated_requests_are_answered_by_the_schema(route, label, monkeypatch, capfd):
    monkeypatch.setenv("FTCTL_LOCAL_DEBUG", "1")  # tracebacks of handlers go to stderr
    meant, lines, sent = Meant.read(generated=True), Counter(), Counter()
    path, _, way = (part for part in reversed(label.partition(" ")))
    with warnings.catch_warnings(), place(route) as there:
        warnings.simplefilter("ignore")  # about the schemas
        operation = schemathesis.openapi.from_dict(specification(route))[path][way]

        def take(case: Any, *, drawn: bool) -> None:
            valid = case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE
            sent[valid] += 1
            # What is drawn depends on what hypothesis finds in the sources around; its refusals differ by day.
            lines.update(judged(route, operation, valid=valid and not drawn, response=there.call(case)))

        requests_for(operation, take)
    assert min(sent[True], sent[False]) >= DRAWN
    unexpected = meant.unexpected(lines)
    assert not unexpected, "\n".join(unexpected)
    assert [one for one in meant.unused() if one.startswith(f"generated {route} {label}:")] == []
    assert "Traceback" not in capfd.readouterr().err
