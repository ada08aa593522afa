"""A grader's Python in a child process: started when it is first needed, asked line by line, ended by its time."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ftctl.core.clock import SystemClock

SOURCE_LIMIT = 256 * 1024  # bytes of code
MEMORY_LIMIT = 2 << 30  # bytes
FILE_LIMIT = 64 << 20  # bytes of one file; the service allows a gigabyte in all
CALL_SECONDS = 120.0  # for one answer, loading the code included
START_SECONDS = 120.0
OUTPUT_LIMIT = 64 * 1024  # bytes of one answer
_CHILD = Path(__file__).with_name("_grader_child.py")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a grader said of one sample. `trouble` is why it said nothing; `served` whether its process did its part."""

    reward: float | None
    trouble: str = ""
    served: bool = True


class _TooLong(Exception):
    """The child has not answered in its time."""


class Sandbox:
    """One grader's code. `seconds` is what one answer may take; after `patience` that took longer it is not asked."""

    def __init__(self, source: str, *, seconds: float | None = None, patience: int = 1) -> None:
        self._source = source
        self._seconds = CALL_SECONDS if seconds is None else seconds
        self._patience = patience
        self._child: subprocess.Popen[bytes] | None = None
        self._folder: str | None = None
        self._rest = b""
        self._broken: Answer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def load(self) -> str:
        """Why the code is no grader; empty when it is one."""
        return self._ready().trouble

    def grade(self, sample: dict[str, Any], item: dict[str, Any]) -> Answer:
        ready = self._ready()
        return ready if ready.trouble else self._ask({"sample": sample, "item": item}, self._seconds)

    def _ready(self) -> Answer:
        if self._broken:
            return self._broken
        if self._child is None:
            self._start()
            order = {"source": self._source, "memory": MEMORY_LIMIT, "processor": 600, "file": FILE_LIMIT}
            loaded = self._ask(order, START_SECONDS)
            if loaded.trouble:
                self._broken = loaded
                self._end()
            return loaded
        return Answer(None)

    def _start(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="ftctl-grader-")
        environment = {"PYTHONHASHSEED": "0", "LANG": "C.UTF-8", "HOME": self._folder, "TMPDIR": self._folder}
        environment |= {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
        self._child = subprocess.Popen(  # noqa: S603  our own interpreter and file
            [sys.executable, "-I", "-B", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            env=environment,
            start_new_session=True,
        )
        self._rest = b""

    def _ask(self, body: dict[str, Any], seconds: float) -> Answer:
        """One line to the child and one back, or the end of it."""
        child = self._child
        assert child is not None
        assert child.stdin is not None
        try:
            child.stdin.write(json.dumps(body).encode() + b"\n")
            child.stdin.flush()
            answer = json.loads(self._line(child, seconds))
            trouble, reward = answer.get("error", ""), answer.get("reward")
            if isinstance(trouble, str) and (reward is None or isinstance(reward, float)):
                return Answer(reward, trouble)
        except (OSError, ValueError, AttributeError):
            pass
        except _TooLong:
            return self._give_up(f"it took longer than {seconds:g} seconds")
        return self._give_up("its process ended")

    def _give_up(self, why: str) -> Answer:
        self._end()
        self._patience -= 1
        answer = Answer(None, why, served=False)
        if self._patience <= 0:
            self._broken = answer
        return answer

    def _line(self, child: subprocess.Popen[bytes], seconds: float) -> bytes:
        assert child.stdout is not None
        clock, pieces = SystemClock(), self._rest
        begun = clock.now()
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while b"\n" not in pieces:
                left = seconds - (clock.now() - begun).total_seconds()
                if left <= 0 or not selector.select(left):
                    raise _TooLong
                piece = os.read(child.stdout.fileno(), OUTPUT_LIMIT)
                if not piece or len(pieces) > OUTPUT_LIMIT:
                    raise OSError
                pieces += piece
        line, _, self._rest = pieces.partition(b"\n")
        return line

    def _end(self) -> None:
        """End the child and whatever it started."""
        child, self._child = self._child, None
        if child is not None:
            with suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL) if hasattr(os, "killpg") else child.kill()
            with suppress(OSError):
                child.communicate()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
