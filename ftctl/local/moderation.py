"""The content filter's stand-in: it sees no harm in anything but the test sentence that is made for it.

A text that holds `content-filter-test: CATEGORY`, CATEGORY being hate, self_harm, sexual, violence or jailbreak, is
filtered: in a prompt the call is refused as the service refuses it, in an answer the choice is cut off. The bodies rest
on the documentation; which texts the service filters is not emulated.
"""

from __future__ import annotations

import re
from typing import Any

from ftctl.local.wire import Refusal

CATEGORIES = ("hate", "self_harm", "sexual", "violence")
_TRIGGER = re.compile(r"content-filter-test:\s*(hate|self_harm|sexual|violence|jailbreak)\b", re.IGNORECASE)
_MESSAGE = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify "
    "your prompt and retry. To learn more about our content filtering policies please read our documentation: "
    "https://go.microsoft.com/fwlink/?linkid=2198766"
)


def found_in(text: str) -> dict[str, Any]:
    """The filter's results on a text."""
    caught = {match.lower() for match in _TRIGGER.findall(text)}
    results: dict[str, Any] = {
        name: {"filtered": name in caught, "severity": "medium" if name in caught else "safe"} for name in CATEGORIES
    }
    return results | ({"jailbreak": {"filtered": True, "detected": True}} if "jailbreak" in caught else {})


def filtered(results: dict[str, Any]) -> bool:
    return any(one["filtered"] for one in results.values())


def check_prompt(texts: list[str]) -> dict[str, Any]:
    """The results on a prompt; refuses one that is filtered."""
    results = found_in("\n".join(texts))
    if filtered(results):
        refusal = Refusal(400, "content_filter", _MESSAGE, param="prompt", type=None)
        refusal.extra |= {
            "status": 400,
            "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": results},
        }
        raise refusal
    return results
