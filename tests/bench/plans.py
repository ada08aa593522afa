"""A plan of 300 changes in every form: `python -m tests.bench.plans`. Prints milliseconds; it judges nothing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from ftctl.render.formats import FORMATS, formatted
from ftctl.render.json import plan_json
from ftctl.render.look import Look
from ftctl.render.revive import revived
from ftctl.render.text import plan_text
from tests.plans import many

CHANGES, ROUNDS = 300, 5


def median(work: Callable[[], object]) -> float:
    work()  # its imports are not what is measured
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def main() -> None:
    plan = many(CHANGES)
    saved = plan_json(plan)
    print(f"{CHANGES} changes, median of {ROUNDS}, goal: each below 1000 ms")
    print(f"{'text':16}{median(lambda: plan_text(plan, Look())):8.0f} ms")
    for output in FORMATS[1:]:
        size = len(formatted(output, [plan]).encode())
        print(f"{output:16}{median(lambda output=output: formatted(output, [plan])):8.0f} ms  {size:,} bytes")
    print(f"{'back from JSON':16}{median(lambda: revived(saved)):8.0f} ms")


if __name__ == "__main__":
    main()
