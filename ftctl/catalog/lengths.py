"""How many tokens one training example may have, by model."""

from __future__ import annotations

# "Training example context length" of Microsoft Learn's table of models for fine-tuning, and for the older ones its
# largest request, as of June 2025. By the beginning of the name; the first that fits counts.
_TOKENS = {
    "gpt-4.1-nano": 32_768,
    "gpt-4.1": 65_536,
    "gpt-4o": 65_536,
    "o4-mini": 65_536,
    "gpt-35-turbo-0613": 4_096,
    "gpt-35-turbo": 16_385,
    "gpt-4-0613": 8_192,
}


def longest_example(model: str) -> int | None:
    """The most tokens of an example for a base or fine-tuned model; None where no limit is known."""
    name = model.lower()
    return next((tokens for known, tokens in _TOKENS.items() if name.startswith(known)), None)
