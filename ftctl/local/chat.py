"""Chat completions: a fine-tuned deployment answers from the model that was fitted, a base one says that it is none."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from ftctl.local import jobstate, models, moderation, structure
from ftctl.local.dataplane import RIGHTS, Doc, account_of, invalid, not_emulated
from ftctl.local.wire import Plane, Refusal, Reply, Request, route

if TYPE_CHECKING:
    from ftctl.local.datafile import Message
    from ftctl.local.textmodel import Reader

FINGERPRINT = "fp_ftctl_local_azure"
_RIGHT = f"{RIGHTS}deployments/chat/completions/action"
_LONGEST = 1024  # pieces of an answer where no limit is given
_PER_MESSAGE, _PER_REPLY = 3, 3  # tokens of framing
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_STAND_IN = (
    "This is the local Azure of ftctl, not Microsoft Azure. The base model '{model}' is not here: this untrained "
    "stand-in gives the same answer to everything. A fine-tuned deployment answers from what it was trained on."
)
_MOST_CHOICES = 128
_FORMATS = ("text", "json_object", "json_schema")
# The likeliest answer is given always, and where several are asked for the rest is drawn: these change nothing.
_WITHOUT_EFFECT = {
    "temperature",
    "top_p",
    "user",
    "presence_penalty",
    "frequency_penalty",
    "parallel_tool_calls",
    "tools",
    "tool_choice",
    "reasoning_effort",
}
_READ = {"messages", "model", "stream", "stream_options", "stop", "max_tokens", "max_completion_tokens"}
_READ |= {"n", "response_format", "seed"}
_UNEMULATED = {
    "audio",
    "data_sources",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "metadata",
    "modalities",
    "prediction",
    "store",
    "top_logprobs",
}
_HARMLESS: dict[str, Any] = {"logprobs": False, "store": False}


@dataclass(frozen=True, slots=True)
class Choice:
    """What is said, or which tools are called, its count of tokens, and what the content filter makes of it."""

    content: str
    finish: str
    tokens: int
    calls: list[Doc] = field(default_factory=list)
    filters: Doc = field(default_factory=lambda: moderation.found_in(""))

    @property
    def message(self) -> Doc:
        content = self.content or None if self.calls else self.content
        body: Doc = {"role": "assistant", "content": content, "refusal": None}
        return body | ({"tool_calls": self.calls} if self.calls else {})


@dataclass(frozen=True, slots=True)
class Answer:
    """The choices, and what is said of them all."""

    model: str
    choices: list[Choice]
    prompt_tokens: int
    prompt_filters: Doc
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")

    @property
    def usage(self) -> Doc:
        tokens = sum(choice.tokens for choice in self.choices)
        return {
            "completion_tokens": tokens,
            "completion_tokens_details": {"accepted_prediction_tokens": 0, "audio_tokens": 0, "reasoning_tokens": 0},
            "prompt_tokens": self.prompt_tokens,
            "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 0},
            "total_tokens": self.prompt_tokens + tokens,
        }

    @property
    def prompt_filter_results(self) -> list[Doc]:
        return [{"prompt_index": 0, "content_filter_results": self.prompt_filters}]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call says of the answer."""

    choices: int
    limit: int
    stops: list[str]
    seed: int
    form: Doc  # its response format


@route("POST", "/openai/deployments/{deployment}/chat/completions", plane=Plane.DATA, action=_RIGHT)
def complete(request: Request) -> Reply:
    """Answer by the deployment in the path.

    Rests on both schemas and the documentation: bodies, streams, usage, filter results, refusals. What is said is this
    emulator's own (`_choices`).
    """
    return _complete(request, request.json(), request.names["deployment"])


@route("POST", "/openai/v1/chat/completions", plane=Plane.DATA, action=_RIGHT)
def complete_v1(request: Request) -> Reply:
    """Answer by the deployment that `model` names. Rests on the same."""
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
    wish = _wish(body, messages)
    filters = moderation.check_prompt([one.text() for one in messages])
    answer = _answer(request, model, messages, wish, filters)
    moment = request.azure.timestamp()
    if body.get("stream") is True:
        counted = body.get("stream_options", {}).get("include_usage") is True
        return Reply(200, _stream(answer, moment, counted=counted), media="text/event-stream; charset=utf-8")
    choices = [
        {
            "content_filter_results": choice.filters,
            "finish_reason": choice.finish,
            "index": index,
            "logprobs": None,
            "message": choice.message,
        }
        for index, choice in enumerate(answer.choices)
    ]
    whole = _frame(answer, "chat.completion", moment, choices)
    return Reply(200, whole | {"prompt_filter_results": answer.prompt_filter_results, "usage": answer.usage})


# -- the request -------------------------------------------------------------------------------------------------------


def _deployed_model(request: Request, deployment: str) -> Doc:
    """The model of a deployment that is there and ready."""
    from ftctl.local import arm_deployments  # noqa: PLC0415  which looks for trained models in turn

    shown = arm_deployments.answering(request.azure, account_of(request), deployment)
    if shown is None:
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
    options = body.get("stream_options", {})
    if not isinstance(options, dict):
        raise invalid("'stream_options' must be an object.", "stream_options")
    if options and body.get("stream") is not True:
        raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")


def _wish(body: Doc, messages: list[Message]) -> Wish:
    number, seed, form = body.get("n", 1), body.get("seed", 0), body.get("response_format", {"type": "text"})
    if not _is_whole(number) or not 1 <= number <= _MOST_CHOICES:
        raise invalid(f"'n' must be a whole number from 1 to {_MOST_CHOICES}.", "n")
    if not _is_whole(seed):
        raise invalid("'seed' must be a whole number.", "seed")
    if not isinstance(form, dict) or form.get("type") not in _FORMATS:
        raise invalid(f"The type of 'response_format' must be one of: {', '.join(_FORMATS)}.", "response_format")
    if form["type"] == "json_schema" and structure.fields(form) is None:
        raise invalid("The 'response_format' needs a 'json_schema' with a 'schema'.", "response_format")
    if form["type"] == "json_object" and not any("json" in one.text().lower() for one in messages):
        raise invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "messages",
        )
    return Wish(number, _limit(body), _stops(body), seed, form)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


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


def _answer(request: Request, model: Doc, messages: list[Message], wish: Wish, filters: Doc) -> Answer:
    from ftctl.local import datafile, textmodel, training  # noqa: PLC0415  only for those who chat

    azure, name = request.azure, str(model["name"])
    prompt_tokens = _PER_REPLY + sum(_PER_MESSAGE + len(textmodel.pieces(one.text())) for one in messages)
    source = str(model.get("source") or account_of(request))
    tuned = models.find_model(azure, source, name) if ".ft-" in name else None
    if ".ft-" in name and tuned is None:
        raise Refusal(404, "DeploymentNotFound", "The model of this deployment was deleted.")
    reader = None
    if tuned:
        reader = training.read_model(training.model_path(jobstate.job_folder(azure, tuned["_folder"]), tuned["_step"]))
    shown = name if tuned else "-".join(filter(None, (name, str(model.get("version", "")))))
    choices = [_choice(reader, name, datafile.prompt_of(messages), wish, index) for index in range(wish.choices)]
    return Answer(shown, choices, prompt_tokens, filters)


def _choice(reader: Reader | None, name: str, prompt: str, wish: Wish, index: int) -> Choice:
    """The likeliest answer, or with an index above 0 one that is drawn; from the same seed the same ones."""
    from ftctl.local import textmodel  # noqa: PLC0415  only for those who chat

    chance = Random(f"{wish.seed}:{index}") if index else None  # noqa: S311  no secret depends on it
    text, whole = _said(reader, name, prompt, wish, chance)
    content, calls = _parse_calls(text)
    if wish.form["type"] != "text" and not calls:
        content = _in_form(content, wish.form, prompt, lambda asked: _said(reader, name, asked, wish, chance)[0])
    cut = min((place for stop in wish.stops if (place := content.find(stop)) >= 0), default=None)
    if cut is not None:
        content, calls, whole = content[:cut], [], True
    pieces = textmodel.pieces(content) if not calls else textmodel.pieces(text)
    if len(pieces) > wish.limit:
        content, calls, whole = "".join(pieces[: wish.limit]), [], False
    filters = moderation.found_in(content)
    if moderation.filtered(filters):
        return Choice("", "content_filter", 0, filters=filters)
    finish = ("tool_calls" if calls else "stop") if whole else "length"
    return Choice(content, finish, min(len(pieces), wish.limit), calls, filters)


def _said(reader: Reader | None, name: str, prompt: str, wish: Wish, chance: Random | None) -> tuple[str, bool]:
    """The model's words, and whether it came to its end. A base model has one sentence for everything."""
    from ftctl.local import textmodel  # noqa: PLC0415  only for those who chat

    if reader is None:
        said = textmodel.pieces(_STAND_IN.format(model=name))
        return "".join(said[: wish.limit]), len(said) <= wish.limit
    text, _, whole = reader.sample(prompt, wish.limit, chance) if chance else reader.answer(prompt, wish.limit)
    return text, whole


def _in_form(content: str, form: Doc, prompt: str, say: Callable[[str], str]) -> str:
    """JSON, whatever the model says: its own if it is an object, else an object around its words, or by the schema."""
    schema = structure.fields(form)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    required = (schema or {}).get("required")
    required = required if isinstance(required, list) else []
    if isinstance(found, dict) and all(one in found for one in required if isinstance(one, str)):
        return content
    return json.dumps({"answer": content}) if schema is None else structure.filled(schema, prompt, say)[0]


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
    """Server-sent events: the prompt's filter results, then of each choice the role, the words and the end; the count.

    Where a count is asked for, all other events have an empty one.
    """
    extra: Doc = {"usage": None} if counted else {}
    first = {"choices": [], "created": 0, "id": "", "model": "", "object": ""}
    yield _event(first | {"prompt_filter_results": answer.prompt_filter_results} | extra)
    for index, choice in enumerate(answer.choices):
        for delta in _deltas(choice):
            part = {"delta": delta, "finish_reason": None, "index": index}
            part["content_filter_results"] = choice.filters if delta.get("content") else {}
            yield _event(_chunk(answer, moment, part) | extra)
        end = {"delta": {}, "finish_reason": choice.finish, "index": index}
        end["content_filter_results"] = choice.filters if choice.finish == "content_filter" else {}
        yield _event(_chunk(answer, moment, end) | extra)
    if counted:
        yield _event(_frame(answer, "chat.completion.chunk", moment, []) | {"usage": answer.usage})
    yield b"data: [DONE]\n\n"


def _deltas(choice: Choice) -> Iterator[Doc]:
    from ftctl.local import textmodel  # noqa: PLC0415  only for those who chat

    yield {"role": "assistant", "content": None if choice.calls else "", "refusal": None}
    for piece in textmodel.pieces(choice.content):
        yield {"content": piece}
    for place, call in enumerate(choice.calls):
        yield {"tool_calls": [{"index": place, **call}]}


def _chunk(answer: Answer, moment: int, choice: Doc) -> Doc:
    return _frame(answer, "chat.completion.chunk", moment, [{"logprobs": None, **choice}])


def _event(body: Doc) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()
