"""What runs a grader's Python, in a process of its own: fenced in first, then one line in, one line out.

The fence keeps mistakes and curiosity in, not a determined attacker: limits of memory, processor time and file size by
the operating system, no network where it lets a process leave its network, and an audit hook that refuses sockets,
other processes, foreign libraries, and files outside of Python's own and the empty folder it runs in.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any

_DETAILS = 500  # characters of an error that are told
_REFUSED: tuple[str, ...] = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn")
_REFUSED += ("os.fork", "os.kill")
_REFUSED += ("os.startfile", "pty.", "ftplib.", "smtplib.", "urllib.", "http.client.", "winreg.", "webbrowser.")
_CHANGING = {f"os.{verb}" for verb in ("remove", "rename", "rmdir", "mkdir", "link", "symlink", "truncate", "chmod")}
_CHANGING |= {f"os.{verb}" for verb in ("chown", "utime", "chflags", "setxattr", "removexattr", "chdir")}
_READABLE = ("/usr/share/zoneinfo", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/random")


def main() -> None:
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    silence = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(silence, number)
    order = json.loads(sys.stdin.buffer.readline())
    _limit(order["memory"], order["processor"], order["file"])
    _leave_network()
    sys.addaudithook(_fence())
    function, problem = _load(order["source"])
    out.write(_line({"error": problem} if problem else {}))
    for line in sys.stdin.buffer:
        given = json.loads(line)
        out.write(_line(_graded(function, given["sample"], given["item"])))


def _graded(function: Any, sample: Any, item: Any) -> dict[str, Any]:
    try:
        value = function(sample, item)
    except BaseException as error:  # noqa: BLE001  also what a grader does to end the process
        return {"error": _told(error)}
    if isinstance(value, bool) or not isinstance(value, int | float):
        try:
            value = float(value) if type(value).__module__ == "numpy" else None
        except (TypeError, ValueError):
            value = None
    if value is None or value != value or abs(value) == float("inf"):  # noqa: PLR0124  not a number
        return {"error": "grade() gave no number"}
    return {"reward": float(value)}


def _load(source: str) -> tuple[Any, str]:
    names: dict[str, Any] = {"__name__": "grader"}
    try:
        exec(compile(source, "<grader>", "exec"), names)  # noqa: S102  this process is there for it
    except BaseException as error:  # noqa: BLE001  whatever it is, it is told
        return None, _told(error)
    function = names.get("grade")
    return (function, "") if callable(function) else (None, "there is no function grade(sample, item)")


def _told(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:_DETAILS]
    except BaseException:  # noqa: BLE001  an error's own text may fail too
        return type(error).__name__


def _line(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode() + b"\n"


def _limit(memory: int, processor: int, file: int) -> None:
    try:
        import resource  # noqa: PLC0415  not on every platform
    except ImportError:
        return
    limits = {"RLIMIT_AS": memory, "RLIMIT_CPU": processor, "RLIMIT_FSIZE": file, "RLIMIT_NOFILE": 64, "RLIMIT_CORE": 0}
    for name, most in limits.items():
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


def _leave_network() -> None:
    """Into a network of its own, which has not even a loopback, where the system allows that."""
    try:
        import ctypes  # noqa: PLC0415  here alone

        libc = ctypes.CDLL(None)
        for flags in (0x40000000, 0x40000000 | 0x10000000):  # a new network; a new user first, whose network it is
            if libc.unshare(flags) == 0:
                return
    except (ImportError, OSError, AttributeError):
        return


def _fence() -> Any:
    here = os.path.realpath(os.getcwd())  # noqa: PTH109  pathlib is not imported here
    roots = {os.path.realpath(root) for root in (sys.prefix, sys.base_prefix, *filter(None, sys.path))}
    writing = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC

    def inside(path: Any, allowed: set[str]) -> bool:
        if isinstance(path, int):
            return True
        found = os.path.realpath(os.fsdecode(path))
        return any(found == root or found.startswith(root + os.sep) for root in allowed)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith("ctypes."):
            raise ImportError("not allowed in a grader")
        if event.startswith(_REFUSED):
            raise PermissionError("not allowed in a grader")
        if event == "open" and arguments[0] is not None:
            allowed = {here} if (arguments[2] or 0) & writing else {here, *roots, *_READABLE}
            if not inside(arguments[0], allowed):
                raise PermissionError("a file outside of the grader's folder")
        if event in _CHANGING and not all(
            inside(path, {here}) for path in arguments[:2] if isinstance(path, str | bytes)
        ):
            raise PermissionError("a file outside of the grader's folder")

    return watch


if __name__ == "__main__":
    main()
