"""The graders API: look a grader over, and try it on one sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ftctl.local.dataplane import RIGHTS, Doc, invalid
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.grading import Grade

_PATH = "/openai/v1/fine_tuning/alpha/graders"
_ACTION = f"{RIGHTS}fine-tunes/write"
_SAMPLE_LIMIT = 1 << 20  # characters
_ERRORS = (
    "formula_parse_error",
    "sample_parse_error",
    "truncated_observation_error",
    "unresponsive_reward_error",
    "invalid_variable_error",
    "other_error",
    "python_grader_server_error",
    "python_grader_runtime_error",
    "model_grader_server_error",
    "model_grader_refusal_error",
    "model_grader_parse_error",
)


@route("POST", f"{_PATH}/validate", plane=Plane.DATA, action=_ACTION)
def validate(request: Request) -> Reply:
    """A grader as it was sent, if it is one; Python is loaded, in a process of its own, but not asked.

    Rests on the published schema; v1 alone has it. The texts of refusals are assumed.
    """
    body = request.json()
    _known(body, {"grader"})
    spec = checked(body.get("grader"), "grader")
    return Reply(200, {"grader": spec})


@route("POST", f"{_PATH}/run", plane=Plane.DATA, action=_ACTION)
def run(request: Request) -> Reply:
    """The reward of one sample.

    Rests on the published schema. Similarities are computed by the papers' formulas, a scoring model is played by a
    stand-in (`grading._judged`), Python runs in a child process with limits (`sandbox`).
    """
    from time import perf_counter  # noqa: PLC0415  here alone

    from ftctl.local.grading import Grader  # noqa: PLC0415  only for those who grade

    body = request.json()
    _known(body, {"grader", "item", "model_sample", "reference_answer"})
    spec, item, sample = body.get("grader"), body.get("item", {}), body.get("model_sample")
    spec = checked(spec, "grader", load=False)
    if not isinstance(item, dict):
        raise invalid("The property 'item' must be an object.", "item")
    if not isinstance(sample, str) or len(sample) > _SAMPLE_LIMIT:
        raise invalid(f"The property 'model_sample' must be a string of up to {_SAMPLE_LIMIT} signs.", "model_sample")
    begun = perf_counter()
    with Grader(spec) as grader:
        grade = grader.grade(sample, item)
    return Reply(200, _told(spec, grade, perf_counter() - begun))


def checked(spec: Any, where: str, *, load: bool = True) -> Doc:
    """A grader that may be used; refuses any other. `where` is the property that holds it."""
    from ftctl.local.grading import Grader, GraderError, check  # noqa: PLC0415  only for those who grade

    try:
        check(spec)
    except GraderError as error:
        code = "notEmulated" if "does not emulate" in str(error) else "invalidPayload"
        raise Refusal(400, code, str(error), param=f"{where}.{error.name}".rstrip(".")) from None
    if load:
        with Grader(spec) as grader:
            if problem := grader.problem():
                raise invalid(f"The source of the grader cannot be used: {problem}", f"{where}.source")
    found: Doc = spec
    return found


def _known(body: Doc, names: set[str]) -> None:
    if strange := sorted(body.keys() - names):
        raise invalid(f"The property '{strange[0][:40]}' is not known.", strange[0][:40])


def _told(spec: Doc, grade: Grade, seconds: float) -> Doc:
    errors: Doc = {name: name in grade.errors for name in _ERRORS}
    errors |= {
        "python_grader_server_error_type": grade.details if "python_grader_server_error" in grade.errors else None,
        "python_grader_runtime_error_details": grade.details if "python_grader_runtime_error" in grade.errors else None,
        "model_grader_server_error_details": None,
    }
    return {
        "reward": grade.reward,
        "metadata": {
            "name": spec.get("name", ""),
            "type": spec["type"],
            "errors": errors,
            "execution_time": round(seconds, 6),
            "scores": dict(grade.subs),
            "token_usage": sum(grade.tokens.values()) or None,
            "sampled_model_name": next(iter(grade.tokens), None),
        },
        "sub_rewards": dict(grade.subs),
        "model_grader_token_usage_per_model": dict(grade.tokens),
    }
