"""Every plan that a test makes is held against the published schema, and has to come back whole from its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ftctl import workflow
from ftctl.core.changes import Plan
from ftctl.render.findings import document
from ftctl.render.json import plan_json
from ftctl.render.look import Look
from ftctl.render.revive import revived
from ftctl.render.text import plan_text

SCHEMA = Path(__file__).parents[1] / "schemas/ftctl.plan.v1.schema.json"


@contextmanager
def plans_held() -> Iterator[None]:
    """While this is open, whatever `workflow.plan` makes is checked."""
    made = workflow.plan

    def plan(*words: Any, **more: Any) -> Plan:
        found = made(*words, **more)
        hold(found)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workflow, "plan", plan)
        yield


def hold(plan: Plan) -> dict[str, Any]:
    """The plan's JSON, after it has been seen to fit and to say everything."""
    text = document(plans=[plan_json(plan)])
    content = json.loads(text)
    wrong = next(strict().iter_errors(content), None)
    assert wrong is None, f"{wrong.json_path}: {wrong.message}" if wrong else ""
    (one,) = content["plans"]
    back = revived(one)
    assert plan_text(back, Look()).split("\n") == plan_text(plan, Look()).split("\n")
    assert back.digest() == plan.digest()
    assert plan_json(back) == one
    return one


@cache
def strict() -> Draft202012Validator:
    """The published schema, which lets later versions say more, without that."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(_closed(schema))


def _closed(schema: Any) -> Any:
    match schema:
        case {"properties": dict()} if "additionalProperties" not in schema:
            return {"additionalProperties": False, **{key: _closed(one) for key, one in schema.items()}}
        case dict():
            return {key: _closed(one) for key, one in schema.items()}
        case list():
            return [_closed(one) for one in schema]
        case _:
            return schema
