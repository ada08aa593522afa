"""Checking data beside the notebook's way of doing it, in processes that take turns: `python -m tests.bench.data`.

    python -m tests.bench.data [MB ...]        100 and 250 where nothing is said

The notebook's way (tests/bench/notebook.py) needs tiktoken, in this environment or in the one that TIKTOKEN_PYTHON
names, and its rank files in TIKTOKEN_CACHE_DIR. Where they are missing, that is said, and no ratio is told.
Prints medians and fails nothing, since machines are noisy.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.corpus import write

ROUNDS = 3
ROOT = Path(__file__).parents[2]
CHECK = """
import json, sys
from pathlib import Path
from ftctl.data.check import check
path, encoding, cache = sys.argv[1:]
report = check(Path(path), path, encoding=encoding, cache=bool(cache)).report
tokens = report.tokens
print(json.dumps({"examples": report.examples, "sound": report.sound, "errors": report.errors,
    "tokens": tokens and sum(n * times for n, times in tokens.total.items()) - tokens.estimated}))
"""
ALONE = """
import json, os, sys, time
path, threads, ranks = sys.argv[1:]
os.environ["TIKTOKEN_CACHE_DIR"] = ranks
began = time.perf_counter()
if threads:
    from toktok import batch_count
    count = lambda block: batch_count(block, "o200k_base", threads=1)
    count([""])
else:
    import tiktoken
    encode = tiktoken.get_encoding("o200k_base").encode
    count = lambda block: [len(encode(text, disallowed_special=())) for text in block]
loaded = time.perf_counter() - began
from concurrent.futures import ThreadPoolExecutor
def texts():
    some, size = [], 0
    for line in open(path, encoding="utf-8"):
        some += json.loads(line)
        size += len(line)
        if size > 4 << 20:
            yield some
            some, size = [], 0
    yield some
blocks = list(texts())
began, used = time.perf_counter(), time.process_time()
with ThreadPoolExecutor(int(threads or 1)) as pool:
    list(pool.map(count, blocks))
print(loaded, time.perf_counter() - began, time.process_time() - used)
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    cpu: float
    peak: float  # MB
    said: str


def run(*arguments: str, one_core: bool = False, python: str = sys.executable) -> Run:
    """A whole process."""
    command = [python, *arguments]
    if one_core:
        command = ["taskset", "-c", "0", *command]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{arguments[:2]} failed: {process.returncode}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said)


def check(path: Path, *, encoding: str = "o200k_base", cache: str = "", one_core: bool = False) -> Run:
    return run("-c", CHECK, str(path), encoding, cache, one_core=one_core)


def notebook() -> Callable[..., Run] | None:
    """What runs the notebook's way on a file, None where it cannot be had."""
    python, ranks = os.environ.get("TIKTOKEN_PYTHON", sys.executable), os.environ.get("TIKTOKEN_CACHE_DIR", "")
    try:
        subprocess.run([python, "-c", "import tiktoken"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("tiktoken is not installed here (set TIKTOKEN_PYTHON): no ratios to the notebook's way")
        return None
    if not Path(ranks).is_dir() or not ranks:
        print("TIKTOKEN_CACHE_DIR has no rank files of tiktoken: no ratios to the notebook's way")
        return None
    script = str(Path(__file__).with_name("notebook.py"))
    return lambda path, **more: run(script, str(path), ranks, python=python, **more)


def middle(runs: list[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(of(one) for one in runs)


def tell(name: str, runs: list[Run], size: float) -> None:
    seconds, cpu = middle(runs, lambda one: one.seconds), middle(runs, lambda one: one.cpu)
    peak = middle(runs, lambda one: one.peak)
    print(f"  {name:<34}{seconds:7.2f} s {size / seconds:8.1f} MB/s   CPU {cpu:6.2f} s   peak {peak:5.0f} MB")


def compare(path: Path, baseline: Callable[..., Run] | None) -> None:
    """Paired runs: each round has one of each, so that what slows the machine down slows both."""
    size = path.stat().st_size / 1e6
    print(f"\n{size:.0f} MB")
    both = 0.0
    for one_core in (False, True):
        where = "one core" if one_core else f"{os.cpu_count()} cores"
        ours: list[Run] = []
        theirs: list[Run] = []
        for _ in range(ROUNDS):
            theirs += [baseline(path, one_core=one_core)] if baseline else []
            ours.append(check(path, one_core=one_core))
        tell(f"ftctl, {where}", ours, size)
        if theirs:
            tell(f"notebook, {where}", theirs, size)
            pairs = [
                (one.seconds / other.seconds, one.cpu / other.cpu) for one, other in zip(theirs, ours, strict=True)
            ]
            wall, cpu = (statistics.median(column) for column in zip(*pairs, strict=True))
            print(f"  → {wall:.1f} times as fast, with {cpu:.1f} times less CPU")
            agree(theirs[0], ours[0])
        both = both or middle(ours, lambda one: one.seconds)
    counting(path, size, both, reference=bool(baseline))
    tell("ftctl without token counts", [check(path, encoding="") for _ in range(ROUNDS)], size)


def agree(theirs: Run, ours: Run) -> None:
    """The two count the same, but for what the notebook cannot: tools and calls, which ours marks as estimates."""
    one, other = json.loads(theirs.said), json.loads(ours.said)
    same = one["examples"] == other["examples"] == other["sound"] and one["tokens"] == other["tokens"]
    print(f"  examples and tokens agree: {same} ({other['examples']:,} and {other['tokens']:,})")


def counting(path: Path, size: float, ours: float, *, reference: bool) -> None:
    """Tokenizers alone, on all texts of the file, decoded before: ours in as many threads, and the notebook's.

    Their loading is told apart, since a whole run of ftctl has it too; to start Python and to read count as nothing.
    """
    with (
        tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as texts,
        path.open(encoding="utf-8") as file,
    ):
        for line in file:
            said = [message["content"] or "" for message in json.loads(line)["messages"]]
            texts.write(json.dumps(said, ensure_ascii=False) + "\n")
        texts.flush()
        for name, threads in (("2 threads", "2"), ("1 thread", "1"), ("the notebook's", "")):
            if threads or reference:
                _alone(name, threads, texts.name, size, ours)


def _alone(name: str, threads: str, texts: str, size: float, ours: float) -> None:
    python = sys.executable if threads else os.environ.get("TIKTOKEN_PYTHON", sys.executable)
    ranks = os.environ.get("TIKTOKEN_CACHE_DIR", "")
    told = [run("-c", ALONE, texts, threads, ranks, python=python).said.split() for _ in range(ROUNDS)]
    loaded, seconds, cpu = (statistics.median(map(float, column)) for column in zip(*told, strict=True))
    label = f"the tokenizer alone, {name}"
    print(
        f"  {label:<34}{seconds:7.2f} s {size / seconds:8.1f} MB/s   CPU {cpu:6.2f} s   after loading, {loaded:.2f} s"
    )
    print(f"  → all of ftctl takes {ours / seconds:.1f} times that, {ours / (seconds + loaded):.1f} with its loading")


def again(path: Path) -> None:
    """What is kept: the second look at a file that nobody touched, beside a process that looks at none."""
    then = time.time() - 60
    os.utime(path, (then, then))
    check(path, cache="yes")
    nothing = [run("-c", "import ftctl.data.check") for _ in range(9)]
    kept = [check(path, cache="yes") for _ in range(9)]
    more = middle(kept, lambda one: one.seconds) - middle(nothing, lambda one: one.seconds)
    print(f"\nthe second look at {path.stat().st_size / 1e6:.0f} MB takes {more * 1000:.0f} ms more than none")


def memory(folder: Path) -> None:
    print("\npeak memory")
    peaks = []
    for size in (50, 511):
        path = folder / "memory.jsonl"
        write(path, size * 1_000_000)
        peaks.append(check(path).peak)
        print(f"  {size} MB: {peaks[-1]:.0f} MB")
    print(f"  → {100 * (peaks[1] / peaks[0] - 1):+.0f} %")


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [100, 250]
    baseline = notebook()
    with tempfile.TemporaryDirectory(prefix="ftctl-bench-") as folder:
        os.environ["FTCTL_CACHE_DIR"] = f"{folder}/cache"
        for size in sizes:
            path = Path(folder) / f"{size}.jsonl"
            write(path, size * 1_000_000)
            compare(path, baseline)
            if size == sizes[0]:
                again(path)
            path.unlink()
        memory(Path(folder))


if __name__ == "__main__":
    main()
