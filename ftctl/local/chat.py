"""Chat completions: a fine-tuned deployment answers from the model that was fitted, a base one says that it is none."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ftctl.local import jobstate, models
from ftctl.local.dataplane import RIGHTS, Doc, account_of, invalid, not_emulated
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.datafile import Message

FINGERPRINT = "fp_ftctl_local_azure"
_RIGHT = f"{RIGHTS}deployments/chat/completions/action"
_LONGEST = 1024  # pieces of an answer where no limit is given
_PER_MESSAGE, _PER_REPLY = 3, 3  # tokens of framing
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STAND_IN = (
    "This is the local Azure of ftctl, not Microsoft Azure. The base model '{model}' is not here: this untrained "
    "stand-in gives the same answer to everything. A fine-tuned deployment answers from what it was trained on."
)
_SAFE = {"filtered": False, "severity": "safe"}
_FILTERED = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)
# The likeliest answer is given always, so these have nothing to change.
_WITHOUT_EFFECT = {
    "temperature",
    "top_p",
    "seed",
    "user",
    "presence_penalty",
    "frequency_penalty",
    "parallel_tool_calls",
    "tools",
    "tool_choice",
}
_READ = {"messages", "model", "stream", "stream_options", "stop", "max_tokens", "max_completion_tokens"}
_UNEMULATED = {
    "audio",
    "data_sources",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "n",
    "prediction",
    "reasoning_effort",
    "response_format",
    "store",
    "top_logprobs",
}
_HARMLESS: dict[str, Any] = {"n": 1, "response_format": {"type": "text"}, "logprobs": False, "store": False}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, or which tools are called, and the count of tokens."""

    model: str
    content: str
    finish: str
    prompt_tokens: int
    tokens: int
    calls: list[Doc] = field(default_factory=list)
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")

    @property
    def message(self) -> Doc:
        body: Doc = {"role": "assistant", "content": self.content or None if self.calls else self.content}
        return body | ({"tool_calls": self.calls} if self.calls else {})

    @property
    def usage(self) -> Doc:
        return {
            "completion_tokens": self.tokens,
            "completion_tokens_details": {"accepted_prediction_tokens": 0, "audio_tokens": 0, "reasoning_tokens": 0},
            "prompt_tokens": self.prompt_tokens,
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
            "total_tokens": self.prompt_tokens + self.tokens,
        }


@route("POST", "/openai/deployments/{deployment}/chat/completions", plane=Plane.DATA, action=_RIGHT)
def complete(request: Request) -> Reply:
    return _complete(request, request.json(), request.names["deployment"])


@route("POST", "/openai/v1/chat/completions", plane=Plane.DATA, action=_RIGHT)
def complete_v1(request: Request) -> Reply:
    body = request.json()
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise invalid("The property 'model' is required: the name of a deployment.", "model")
    return _complete(request, body, name)


def _complete(request: Request, body: Doc, deployment: str) -> Reply:
    model = _deployed_model(request, deployment)
    body = {name: value for name, value in body.items() if value is not None}
    _check_parameters(body)
    messages = _messages(body)
    answer = _answer(request, model, messages, _limit(body), _stops(body))
    moment = request.azure.timestamp()
    if body.get("stream") is True:
        options = body.get("stream_options")
        counted = isinstance(options, dict) and options.get("include_usage") is True
        return Reply(200, _stream(answer, moment, counted=counted), media="text/event-stream; charset=utf-8")
    choice = {"content_filter_results": _FILTERED, "finish_reason": answer.finish, "index": 0, "logprobs": None}
    whole = _frame(answer, "chat.completion", moment, [choice | {"message": answer.message}])
    return Reply(200, whole | {"prompt_filter_results": _PROMPT_FILTERED, "usage": answer.usage})


_PROMPT_FILTERED = [{"prompt_index": 0, "content_filter_results": _FILTERED}]


# -- the request -------------------------------------------------------------------------------------------------------


def _deployed_model(request: Request, deployment: str) -> Doc:
    """The model of a deployment that is there and ready."""
    from ftctl.local import arm_deployments  # noqa: PLC0415  which looks for trained models in turn

    azure = request.azure
    doc = azure.store.get("deployment", f"{account_of(request)}/deployments/{deployment}")
    shown = arm_deployments.shown(azure, doc)["properties"] if doc else {}
    if shown.get("provisioningState") != "Succeeded":
        raise Refusal(
            404,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment within the last 5 "
            "minutes, please wait a moment and try again.",
        )
    if shown.get("deploymentState") == "Paused":
        raise Refusal(423, "DeploymentPaused", "The deployment is paused.")
    model: Doc = shown["model"]
    return model


def _check_parameters(body: Doc) -> None:
    for name, value in body.items():
        if name in _UNEMULATED and _HARMLESS.get(name, ...) != value:
            raise not_emulated(f"the parameter '{name}'", name)
        if name not in _UNEMULATED | _WITHOUT_EFFECT | _READ:
            raise Refusal(
                400, "invalidPayload", f"Unrecognized request argument supplied: {name[:40]}", param=name[:40]
            )
    if not isinstance(body.get("stream", False), bool):
        raise invalid("'stream' must be true or false.", "stream")


def _messages(body: Doc) -> list[Message]:
    import msgspec  # noqa: PLC0415  only for those who chat

    from ftctl.local.datafile import Message  # noqa: PLC0415

    try:
        messages = msgspec.convert(body.get("messages"), list[Message])
    except (msgspec.ValidationError, RecursionError):
        raise invalid("'messages' must be a list of messages with a role and content.", "messages") from None
    if not messages:
        raise invalid("'messages' must not be empty.", "messages")
    return messages


def _limit(body: Doc) -> int:
    limit = body.get("max_completion_tokens", body.get("max_tokens", _LONGEST))
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise invalid("'max_tokens' must be a whole number of at least 1.", "max_tokens")
    return min(limit, _LONGEST)


def _stops(body: Doc) -> list[str]:
    stops = body.get("stop", [])
    stops = [stops] if isinstance(stops, str) else stops
    if not isinstance(stops, list) or len(stops) > 4 or not all(isinstance(one, str) and one for one in stops):  # noqa: PLR2004  the service's limit
        raise invalid("'stop' must be a string or up to four of them.", "stop")
    return stops


# -- the answer --------------------------------------------------------------------------------------------------------


def _answer(request: Request, model: Doc, messages: list[Message], limit: int, stops: list[str]) -> Answer:
    from ftctl.local import datafile, textmodel, training  # noqa: PLC0415  only for those who chat

    azure, name = request.azure, str(model["name"])
    prompt_tokens = _PER_REPLY + sum(_PER_MESSAGE + len(textmodel.pieces(one.text())) for one in messages)
    source = str(model.get("source") or account_of(request))
    tuned = models.find_model(azure, source, name) if ".ft-" in name else None
    if ".ft-" in name and tuned is None:
        raise Refusal(404, "DeploymentNotFound", "The model of this deployment was deleted.")
    if tuned:
        reader = training.read_model(training.model_path(jobstate.job_folder(azure, tuned["_folder"]), tuned["_step"]))
        text, count, whole = reader.answer(datafile.prompt_of(messages), limit)
    else:
        said = textmodel.pieces(_STAND_IN.format(model=name))
        text, count, whole = "".join(said[:limit]), min(len(said), limit), len(said) <= limit
        name = "-".join(filter(None, (name, str(model.get("version", "")))))
    content, calls = _parse_calls(text)
    cut = min((place for stop in stops if (place := content.find(stop)) >= 0), default=None)
    if cut is not None:
        content, calls, whole = content[:cut], [], True
    finish = ("tool_calls" if calls else "stop") if whole else "length"
    return Answer(name, content, finish, prompt_tokens, count, calls)


def _parse_calls(text: str) -> tuple[str, list[Doc]]:
    """Plain content, and the tool calls written behind it; what is no sound call stays text."""
    from ftctl.local.datafile import CALL_MARK  # noqa: PLC0415  only for those who chat

    content, *written = text.split(CALL_MARK)
    calls = []
    for one in written:
        name, _, arguments = one.partition(" ")
        try:
            sound = _NAME.fullmatch(name) and isinstance(json.loads(arguments), dict)
        except (ValueError, RecursionError):
            sound = False
        if not sound:
            return text.replace(CALL_MARK, ""), []
        function = {"name": name, "arguments": arguments}
        calls.append({"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function})
    return content, calls


# -- the reply ---------------------------------------------------------------------------------------------------------


def _frame(answer: Answer, kind: str, moment: int, choices: list[Doc]) -> Doc:
    return {
        "choices": choices,
        "created": moment,
        "id": answer.id,
        "model": answer.model,
        "object": kind,
        "system_fingerprint": FINGERPRINT,
    }


def _stream(answer: Answer, moment: int, *, counted: bool) -> Iterator[bytes]:
    """Server-sent events: the prompt's filter results, the role, the answer piece by piece, the end, the count."""
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
    yield _event(first | {"prompt_filter_results": _PROMPT_FILTERED})
    for delta in _deltas(answer):
        yield _event(_chunk(answer, moment, {"delta": delta, "finish_reason": None}))
    yield _event(_chunk(answer, moment, {"delta": {}, "finish_reason": answer.finish}))
    if counted:
        yield _event(_frame(answer, "chat.completion.chunk", moment, []) | {"usage": answer.usage})
    yield b"data: [DONE]\n\n"


def _deltas(answer: Answer) -> Iterator[Doc]:
    from ftctl.local import textmodel  # noqa: PLC0415  only for those who chat

    yield {"role": "assistant", "content": None if answer.calls else "", "refusal": None}
    for piece in textmodel.pieces(answer.content):
        yield {"content": piece}
    for place, call in enumerate(answer.calls):
        yield {"tool_calls": [{"index": place, **call}]}


def _chunk(answer: Answer, moment: int, choice: Doc) -> Doc:
    filtered = _FILTERED if choice["delta"].get("content") else {}
    whole = {"content_filter_results": filtered, "index": 0, "logprobs": None, **choice}
    return _frame(answer, "chat.completion.chunk", moment, [whole])


def _event(body: Doc) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()
