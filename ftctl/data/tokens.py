"""Counting tokens: which tokenizer a model has, the one seam to the package that counts, and what chat adds to texts.

The rule is the one of OpenAI's cookbook and of Azure's tutorial: three for an example and for each message, the tokens
of every text in it, and one for a name. What tools, calls and images cost only the service knows: they are estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

EXAMPLE = 3
MESSAGE = 3
NAME = 1
ROLE = 1
"""Each of the five roles is one token in both encodings."""

O200K = "o200k_base"
CL100K = "cl100k_base"
ESTIMATE = "estimate"
"""What stands for the encoding where no tokenizer could be loaded: four bytes a token."""

_LOW_DETAIL = 85
_IMAGE = 765  # 1024 x 1024 in high detail: 85 and four tiles of 170, by OpenAI's guide to vision

Count = Callable[[list[str]], list[int]]


class NoTokenizerError(Exception):
    """There is no tokenizer for this machine: the package has no wheel for it, or is not installed."""


def encoding_of(model: str) -> str:
    """The encoding of a base or fine-tuned model. For open-weight models it is the nearest there is: see `exact`."""
    name = model.lower().removeprefix("ft:")
    if name.startswith(("gpt-35", "gpt-3.5")) or (name + "-").startswith(("gpt-4-", "gpt-4.ft-")):
        return CL100K
    return O200K


def exact(model: str) -> bool:
    """Whether a model's own encoding is counted with, which of open-weight models is not so."""
    return model.lower().removeprefix("ft:").startswith(("gpt-3", "gpt-4", "gpt-5", "o1", "o3", "o4", "chatgpt-"))


def tokenizer(encoding: str) -> Count:
    """What counts the tokens of many texts at once. Loading takes a third of a second and 60 MB, counting no lock."""
    if encoding == ESTIMATE:
        return lambda texts: [-(-len(text.encode()) // 4) for text in texts]
    if encoding not in (O200K, CL100K):
        raise ValueError(f"no such encoding: {encoding}")
    try:
        from toktok import batch_count  # noqa: PLC0415  8 MB that only counting needs
    except ImportError as error:
        raise NoTokenizerError from error
    batch_count([""], encoding, threads=1)
    return lambda texts: batch_count(texts, encoding, threads=1)


def image_tokens(part: dict[str, Any]) -> int:
    """A guess at what an image costs, whose size is not looked up: that of one of 1024 x 1024."""
    return _LOW_DETAIL if part["image_url"].get("detail") == "low" else _IMAGE
