"""The token check of the cookbook's and the lab's notebooks, as an own program of the published steps: a baseline.

    python -m tests.bench.notebook FILE RANKS

The file is read whole, every line is decoded by `json`, and texts are encoded one by one by tiktoken. RANKS is the
folder with tiktoken's rank files under tiktoken's names. Values that are not text are left out: the notebook fails.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


def shape_errors(dataset: list[dict[str, Any]]) -> dict[str, int]:
    """The cookbook's look at the shape of the examples."""
    errors: dict[str, int] = defaultdict(int)
    for example in dataset:
        messages = example.get("messages")
        if not messages:
            errors["missing_messages_list"] += 1
            continue
        for message in messages:
            if "role" not in message or "content" not in message:
                errors["message_missing_key"] += 1
            if any(key not in {"role", "content", "name", "function_call", "weight"} for key in message):
                errors["message_unrecognized_key"] += 1
            if message.get("role") not in {"system", "user", "assistant", "function"}:
                errors["unrecognized_role"] += 1
            if not isinstance(message.get("content"), str):
                errors["missing_content"] += 1
        if not any(message.get("role") == "assistant" for message in messages):
            errors["example_missing_assistant_message"] += 1
    return errors


def spread(values: list[int]) -> dict[str, float]:
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(len(values) * share))]  # noqa: E731  three words, used thrice
    return {"mean": sum(values) / len(values), "median": at(0.5), "p10": at(0.1), "p90": at(0.9)}


def main() -> None:
    path, os.environ["TIKTOKEN_CACHE_DIR"] = sys.argv[1:]
    import tiktoken  # noqa: PLC0415  it reads the variable, and is there for the benchmark alone

    encode = tiktoken.get_encoding("o200k_base").encode
    with Path(path).open(encoding="utf-8") as file:
        dataset = [json.loads(line) for line in file]
    errors = shape_errors(dataset)
    totals, assistants = [], []
    for example in dataset:
        total = 3
        for message in example["messages"]:
            total += 3
            for key, value in message.items():
                if isinstance(value, str):
                    total += len(encode(value, disallowed_special=())) + (key == "name")
        totals.append(total)
        answers = (message for message in example["messages"] if message["role"] == "assistant")
        assistants.append(sum(len(encode(m["content"] or "", disallowed_special=())) for m in answers))
    print(json.dumps({"examples": len(dataset), "tokens": sum(totals), "assistant": sum(assistants)}))
    print(errors, spread(totals), spread(assistants), file=sys.stderr)


if __name__ == "__main__":
    main()
