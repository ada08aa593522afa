"""Secrets and personal data in a line of examples: where they are and of which kind, never what they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec

from ftctl.data.fault import Fault, named
from ftctl.data.personal import personal_data
from ftctl.data.secrets import secrets

# -- is a closer look worth it? ----------------------------------------------------------------------------------------
# One expression for all that secrets.py and personal.py look for, without what stands around it and without what check
# digits and lists say. It is matched against a block of lines at once, as it stands in the file, by RE2's automaton:
# several hundred megabytes a second, and other threads go on meanwhile. Python's own gives the same, far slower.

_ROUGHLY = b"|".join(
    (
        rb"-----BEGIN ",
        rb"(?:AccountKey|AccessKey)=[A-Za-z0-9+/\\]{40}",
        rb"sig=[A-Za-z0-9%+/\\]{43}",
        rb"JQQJ99[A-Za-z0-9]{26}",
        rb"[-_](?:key|KEY|Key)\W{1,14}[0-9a-f]{32}",
        rb"8Q~[A-Za-z0-9_~.-]{31}",
        rb"(?:sk-|glpat-|pypi-AgEI)[A-Za-z0-9_-]{20}",
        rb"gh[oprsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}|npm_[A-Za-z0-9]{36}|hf_[A-Za-z]{34}",
        rb"A(?:KIA|SIA)[A-Z2-7]{16}|AIza[A-Za-z0-9_-]{35}|(?i:aws_secret_(?:access_)?key)",
        rb"xox[abeoprs]-[0-9]{8}|[rs]k_live_[A-Za-z0-9]{20}",
        rb"\.eyJ[A-Za-z0-9_-]{8}",
        rb"(?i:pwd|password)=[^;\s\"'<>{}$%*]{6}",
        rb"://[^\s/:@]{1,60}:[^\s/:@]{6,100}@",
        rb"\\u00[2-7]",  # ASCII that was escaped for no reason may be anything
        rb"@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2}",
        rb"\+[1-9](?:[ .()-]{0,2}[0-9]){7}",
        rb"(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[-.])[2-9][0-9]{2}[-.][0-9]{4}",
        rb"01[016789]-[0-9]{3,4}-[0-9]{4}|08[0-9]{2}-[0-9]{3,4}-[0-9]{3}",
        rb"0(?:7[0-9]{3} [0-9]{3} ?[0-9]{3}|20 [0-9]{4} [0-9]{4})",
        rb"[2-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}|3[47][0-9]{2}[ -]?[0-9]{6}[ -]?[0-9]{5}",
        rb"[0-9]{3}-[0-9]{2}-[0-9]{4}|[0-9]{6}-[1-8][0-9]{6}|[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}",
        rb"[1-9][0-9]{15}|[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}",
        rb"[12] [0-9]{2} [0-9]{2} [0-9AB]{2} [0-9]{3} [0-9]{3} [0-9]{2}",
        rb"[A-Z]{2}[0-9]{2}(?:[A-Z0-9]{11}|(?: [A-Z0-9]{4}){2})",
        rb"[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]",
    )
)


def suspects(lines: Sequence[bytes]) -> list[int]:
    """The places of those lines of JSON in which `findings` could find something."""
    text = b"\n".join(lines)
    search, found = _search(), []
    start = number = 0
    while match := search(text, start):
        number += text.count(b"\n", start, match.start())
        found.append(number)
        start = text.find(b"\n", match.start()) + 1
        if not start:
            break
        number += 1
    return found


def suspicious(line: bytes) -> bool:
    return bool(suspects([line]))


@cache
def _search() -> Callable[[bytes, int], re.Match[bytes] | None]:
    try:
        import re2  # noqa: PLC0415  10 ms, only where data is read
    except ImportError:
        return re.compile(_ROUGHLY).search
    options = re2.Options()
    options.encoding, options.max_mem = re2.Options.Encoding.LATIN1, 32 << 20
    search: Callable[[bytes, int], re.Match[bytes] | None] = re2.compile(_ROUGHLY, options).search
    return search


# -- the closer look ---------------------------------------------------------------------------------------------------

_ESCAPE = re.compile(r"\\u(00[2-7][0-9a-fA-F])")  # in JSON that stands inside a string, as in a call's arguments
_SHORTEST = len("a@b.cc")
_SALT = b"ftctl allow-list"
# A hash takes some 40 ms, on purpose. So only so many are made: to show some of them, or to look them up in a list.
_MOST_SHOWN, _MOST_ALLOWED = 40, 1_000


def findings(line: bytes, allow: Collection[str], hashes: dict[str, str] | None = None) -> Iterator[Fault]:
    """What this line should not hold, each text once.

    `allow` are the hashes of texts that may stay. `hashes` remembers those that were made for one file: when it is full
    no more are made, and what is found is told without one.
    """
    try:
        example = msgspec.json.decode(line)
    except (ValueError, RecursionError):  # an error is reported anyway
        return
    told: set[str] = set()
    known: dict[str, str] = {} if hashes is None else hashes
    most = _MOST_ALLOWED if allow else _MOST_SHOWN
    for place, text in _texts(example):
        for code, kind, found in _found(text):
            if found not in told:
                told.add(found)
                if (name := _hash(found, known, most)) not in allow:
                    yield Fault(code, f"{place} holds {kind}" + (f" (hash {name})" if name else ""))


def _hash(text: str, hashes: dict[str, str], most: int) -> str:
    """What an allow-list calls a text: slow to make, so that short numbers cannot be found by trying all of them."""
    if text not in hashes:
        if len(hashes) >= most:
            return ""
        digest = hashlib.scrypt(text.encode("utf-8", "surrogatepass"), salt=_SALT, n=2**14, r=8, p=1, dklen=6)
        hashes[text] = digest.hex()
    return hashes[text]


def _found(text: str) -> Iterator[tuple[str, str, str]]:
    if "\\" in text:
        text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text).replace("\\/", "/")
    for kind, secret in secrets(text):
        yield "FT1357", kind, secret
    for kind, data in personal_data(text):
        yield "FT1358", kind, data


def _texts(example: Any) -> Iterator[tuple[str, str]]:
    """Every string in its order, with its place. Keys that cannot be named are texts too; pictures are none."""
    todo = [("", example)]
    while todo:
        place, value = todo.pop()
        if isinstance(value, str):
            if len(value) >= _SHORTEST and not value.startswith("data:"):
                yield place or "the example", value
        elif isinstance(value, list):
            todo.extend((f"{place}[{index}]", value[index]) for index in range(len(value) - 1, -1, -1))
        elif isinstance(value, dict):
            for key in reversed(value):
                below = named("*" if next(_found(key), None) else key, place)  # a name may be a secret itself
                todo.append((below, value[key]))
                if below.endswith("*"):
                    todo.append((f"a key of {place or 'the example'}", key))
