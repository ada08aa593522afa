"""YAML for people: remarks above and beside values, what is short on one line, nothing that reads otherwise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ftctl.importing.draft import Draft, Entry, Variable
from ftctl.spec.scalars import core_scalar

WIDTH = 110
_BESIDE = 42  # the column at which remarks beside values begin
_FEW = 2  # keys of a declaration that still fits on the line of its name
_PLAIN = re.compile(r"(?:\.{1,2}/)*[A-Za-z0-9_/](?:[A-Za-z0-9 _./@()+-]*[A-Za-z0-9_./@()+-])?")
# What older readers of YAML take for something else than text.
_OTHERS = re.compile(r"(?i:y|yes|n|no|on|off)|[-+]?[0-9][0-9_.]*|[0-9]{4}-[0-9]{1,2}-[0-9].*")


def text_of(draft: Draft) -> str:
    """The whole file."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield from remarks(draft.head)
    yield from _pair("apiVersion", "ftctl/v1", "")
    yield from _pair("stack", draft.stack, "")
    yield ""
    yield "azure:"
    for key, value in draft.azure.items():
        yield from _pair(key, value, "  ")
    for name, section in draft.sections.items():
        if section.entries or section.after:
            yield ""
            yield f"{name}:" if section.entries else f"# {name}:"
            for entry in section.entries:
                yield from _entry(entry)
            yield from remarks(section.after, "  ")


def remarks(texts: Sequence[str], indent: str = "") -> Iterator[str]:
    """Comment lines, long ones folded."""
    from textwrap import wrap  # noqa: PLC0415  only where something is written

    for text in texts:
        one = safe(text)
        for line in wrap(one, WIDTH - len(indent) - 2, break_on_hyphens=False, break_long_words=False) or [""]:
            yield f"{indent}# {line}".rstrip()


def safe(text: str) -> str:
    """A remark on one line, without what no file of text should hold, and without secrets."""
    from ftctl.clients.redact import scrub  # noqa: PLC0415  the clients come in only where something is written

    return scrub("".join(c if c.isprintable() else " " for c in text))


def is_secret(value: Any) -> bool:
    """Whether any text in a value holds what looks like a token or a key."""
    from ftctl.clients.redact import is_secret as looks_secret  # noqa: PLC0415  the same

    match value:
        case str():
            return looks_secret(value)
        case Mapping():
            return any(map(is_secret, value.values()))
        case list():
            return any(map(is_secret, value))
        case _:
            return False


def _entry(entry: Entry) -> Iterator[str]:
    yield from remarks(entry.above, "  ")
    flat = f"  {scalar(entry.name)}: {flow(entry.body)}"
    values = entry.body.values()
    short = len(values) <= _FEW and not any(isinstance(one, Mapping | list) or "\n" in str(one) for one in values)
    if short and len(flat) <= WIDTH and not set(entry.beside) - {""}:
        yield from _beside(flat, entry.beside.get("", ""))
        return
    yield from _beside(f"  {scalar(entry.name)}:", entry.beside.get("", ""))
    for key, value in entry.body.items():
        first, *rest = _pair(key, value, "    ")
        yield from _beside(first, entry.beside.get(key, ""))
        yield from rest
    yield from remarks(entry.below, "    ")


def _beside(line: str, remark: str) -> Iterator[str]:
    """A line with its remark; above it where both together are too long."""
    both = f"{line:<{_BESIDE}}  # {safe(remark)}" if remark else line
    if len(both) > WIDTH:
        yield from remarks([remark], line[: len(line) - len(line.lstrip())])
    yield both if len(both) <= WIDTH else line


def _pair(key: str, value: Any, indent: str) -> Iterator[str]:
    """A key with its value, on one line where it fits."""
    lead = f"{indent}{scalar(key)}:"
    if isinstance(value, str) and (block := _literal(value, f"{indent}  ")):
        yield f"{lead} {block[0]}"
        yield from block[1:]
        return
    line = f"{lead} {flow(value)}"
    if not (isinstance(value, Mapping | list) and value) or (len(line) <= WIDTH and _is_flat(value)):
        yield line
        return
    yield lead
    if isinstance(value, Mapping):
        for inner, one in value.items():
            yield from _pair(inner, one, f"{indent}  ")
    else:
        yield from _items(value, indent)


def _items(values: Sequence[Any], indent: str) -> Iterator[str]:
    for value in values:
        if isinstance(value, Mapping) and value:
            first, *rest = [line for key, one in value.items() for line in _pair(key, one, f"{indent}    ")]
            yield f"{indent}  - {first.lstrip()}"
            yield from rest
        else:
            yield f"{indent}  - {flow(value)}"


def _is_flat(value: Any) -> bool:
    """Whether it holds scalars alone, so that people can read it on one line."""
    match value:
        case Mapping():
            return not any(isinstance(one, Mapping | list) and one for one in value.values())
        case list():
            return not any(isinstance(one, Mapping | list) for one in value)
        case _:
            return True


def flow(value: Any) -> str:
    """A value on one line."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case _:
            return scalar(value)


def scalar(value: Any) -> str:
    """A scalar as it reads back, with `${` kept from being a variable."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Variable():
            return f"${{{value.name}}}"
        case _:
            return _text(str(value).replace("${", "$${"))


def _text(text: str) -> str:
    plain = _PLAIN.fullmatch(text) and not _OTHERS.fullmatch(text) and core_scalar(text) == text
    return text if plain else '"' + "".join(map(_character, text)) + '"'


def _character(one: str) -> str:
    if one in '"\\':
        return f"\\{one}"
    if one.isprintable():
        return one
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    number = ord(one)
    return short.get(one) or (f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}")  # noqa: PLR2004  YAML's own limit


def _literal(text: str, indent: str) -> list[str]:
    """Several lines as they are, with their head; nothing where quotes are needed."""
    body, ends = text.removesuffix("\n"), text.endswith("\n")
    lines = body.replace("${", "$${").split("\n")
    odd = any(not line.replace("\t", " ").isprintable() or line != line.rstrip() for line in lines)
    if len(lines) < 2 or odd or not lines[0] or lines[0][0] in " \t" or not lines[-1]:  # noqa: PLR2004  two are several
        return []
    return ["|" if ends else "|-", *(f"{indent}{line}" if line else "" for line in lines)]
