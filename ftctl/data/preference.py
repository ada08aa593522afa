"""One preference example: a prompt and the two outputs that are compared, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ftctl.data.fault import Fault, meant
from ftctl.data.messages import roles_of, shared_faults, turn_faults

OUTPUTS = ("preferred_output", "non_preferred_output")
KEYS = ("input", *OUTPUTS)

_SPEAKERS = ("assistant", "tool")


def faults(example: Any) -> Iterator[Fault]:
    """Everything wrong with one example."""
    if not isinstance(example, dict):
        yield Fault("FT1311", "the example is not an object")
        return
    if "messages" in example and not any(key in example for key in KEYS):
        yield Fault(
            "FT1312", "input is missing; this looks like chat data", "Set `format: chat`, or write pairs of outputs."
        )
        return
    prompt = example.get("input")
    if isinstance(prompt, dict):
        yield from shared_faults(prompt, "input.")
        if "messages" not in prompt:
            yield Fault("FT1312", "input.messages is missing", meant("messages", prompt))
    else:
        yield _not_there(example, "input", "an object with messages")
        prompt = {}
    for key in OUTPUTS:
        yield from _output(example, key, prompt)


def _not_there(example: dict[str, Any], key: str, shape: str) -> Fault:
    if key in example:
        return Fault("FT1312", f"{key} is not {shape}")
    return Fault("FT1312", f"{key} is missing", meant(key, example.keys() - set(KEYS)))


def _output(example: dict[str, Any], key: str, prompt: dict[str, Any]) -> Iterator[Fault]:
    output = example.get(key)
    if not isinstance(output, list) or not output:
        yield _not_there(example, key, "a list of at least one message")
        return
    yield from turn_faults(output, key, prompt.get("tools"), prompt.get("messages"), _SPEAKERS)
    if "assistant" not in roles_of(output):
        yield Fault("FT1315", f"{key} has no assistant message")
