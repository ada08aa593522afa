"""YAML files in: bytes to a tree of values that know their line and column.

Read from the parser's events by a builder of our own: the library's loaders keep the last of two equal keys, take
dates and NO for something else than text, follow alias bombs, and die on deep nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ftctl.core.errors import Problem, Where
from ftctl.core.suggest import did_you_mean
from ftctl.spec.scalars import core_scalar
from ftctl.spec.tree import Document, Mark, Node
from ftctl.spec.words import kind_of, problem, shown

MAX_BYTES = 1_000_000
MAX_DEPTH = 64
MAX_ALIASED = 10_000
"""How many values aliases may add to a file."""


def parse(data: bytes, path: str) -> tuple[Document | None, list[Problem]]:
    """A file's bytes as a document, and all that is wrong with them. None where there is no map to go on with."""
    problems: list[Problem] = []
    text = _text(data, path, problems)
    if text is None:
        return None, problems
    builder = _Builder(path, problems)
    _feed(builder, text)
    root = builder.root
    if root is not None and isinstance(root.value, dict):
        return Document(path, root), problems
    if root is not None and root.value is not None:
        builder.report("FT1017", root.mark, f"{kind_of(root.value)} stands where the stack's map belongs")
    elif not problems:
        builder.report("FT1016", Mark(1, 1), "the file is empty")
    return None, problems


# --- bytes to text

_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _position(before: str) -> Mark:
    """The place that follows `before`."""
    lines = re.split("\r\n|\r|\n", before)
    return Mark(len(lines), len(lines[-1]) + 1)


def _text(data: bytes, path: str, problems: list[Problem]) -> str | None:
    if len(data) > MAX_BYTES:
        what = f"the file has more than {MAX_BYTES:,} bytes"
        problems.append(problem("FT1002", Where(path, 1, 1), what))
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        offset = error.start
        what = f"byte 0x{data[offset]:02x} (at offset {offset}) is not UTF-8"
        utf16 = "It looks like UTF-16: save" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "Save"
        mark = _position(data[:offset].decode("utf-8-sig", "replace"))
        problems.append(problem("FT1003", Where(path, *mark), what, fix=f"{utf16} the file as UTF-8 in your editor."))
        return None
    if bad := _FORBIDDEN.search(text):
        more = len(_FORBIDDEN.findall(text)) - 1
        what = f"the character U+{ord(bad[0]):04X} is not allowed" + (f" (and {more} more like it)" if more else "")
        problems.append(problem("FT1004", Where(path, *_position(text[: bad.start()])), what))
        return None
    return text


# --- text to tree


class _Refused(Exception):
    """There is no sense in reading on."""


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read yet."""

    mark: Mark
    anchor: str | None
    value: dict[str, Node] | list[Node]
    keys: dict[str, Mark] = field(default_factory=dict)
    key: tuple[str, Mark] | None = None
    size: int = 1
    height: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    node: Node
    size: int
    height: int


class _Builder:
    """Takes events in and keeps the tree; a value that cannot be kept is read on and dropped, its problem told."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.root: Node | None = None
        self._path = path
        self._problems = problems
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._aliased = 0
        self._documents = 0

    def report(self, code: str, mark: Mark, what: str, *, why: str = "", fix: Iterable[str] | str = ()) -> None:
        self._problems.append(problem(code, Where(self._path, *mark), what, why=why, fix=fix))

    def document(self, event: Any) -> None:
        self._documents += 1
        if event.version or event.tags:
            self.report("FT1012", _mark(event), "a directive (%) stands at the head of the file")
        if self._documents > 1:
            self.report("FT1011", _mark(event), "a second document begins here")
            raise _Refused

    def scalar(self, event: Any) -> None:
        mark = _mark(event)
        self._refuse_tag(event, mark)
        plain = not event.style  # None or "", as the parser goes
        if self._wants_key():
            self._take_key(event.value, mark, plain=plain)
            return
        if plain and not event.value and (key := self._open[-1].key if self._open else None):
            mark = key[1]
        node = Node(core_scalar(event.value) if plain else event.value, mark, event.value)
        self._anchor(event.anchor, node)
        self._add(node)

    def alias(self, event: Any) -> None:
        mark, name = _mark(event), event.anchor
        if self._wants_key():
            self._bad_key(mark, "an alias")
            return
        if any(frame.anchor == name for frame in self._open):
            self.report("FT1009", mark, f"*{name} stands inside the value that &{name} marks")
        elif name not in self._anchors:
            hint = did_you_mean(name, self._anchors)
            self.report("FT1008", mark, f"*{name} repeats &{name}, which does not stand above", fix=(hint, _ALIAS_FIX))
        else:
            self._repeat(self._anchors[name], mark)
            return
        self._add(Node(None, mark))

    def begin_map(self, event: Any) -> None:
        self._begin(event, {})

    def begin_list(self, event: Any) -> None:
        self._begin(event, [])

    def end(self, _event: Any) -> None:
        frame = self._open.pop()
        node = Node(frame.value, frame.mark, keys=frame.keys)
        if frame.anchor:
            self._anchors[frame.anchor] = _Anchored(node, frame.size, frame.height)
        self._add(node, frame.size, frame.height)

    def _begin(self, event: Any, value: dict[str, Node] | list[Node]) -> None:
        mark = _mark(event)
        self._refuse_tag(event, mark)
        if self._wants_key():
            self._bad_key(mark, kind_of(value), pending=True)
        self._limit_depth(1, mark)
        self._open.append(_Open(mark, event.anchor, value))

    def _repeat(self, anchored: _Anchored, mark: Mark) -> None:
        self._aliased += anchored.size
        if self._aliased > MAX_ALIASED:
            self.report("FT1010", mark, f"aliases up to here stand for more than {MAX_ALIASED:,} values")
            raise _Refused
        self._limit_depth(anchored.height, mark)
        self._add(
            Node(anchored.node.value, mark, anchored.node.text, anchored.node.keys), anchored.size, anchored.height
        )

    def _limit_depth(self, height: int, mark: Mark) -> None:
        if len(self._open) + height > MAX_DEPTH:
            self.report("FT1007", mark, f"this value is nested more than {MAX_DEPTH} deep")
            raise _Refused

    def _refuse_tag(self, event: Any, mark: Mark) -> None:
        if event.tag is not None:
            self.report("FT1012", mark, f"the tag {shown(event.tag)} stands before a value")

    def _anchor(self, name: str | None, node: Node) -> None:
        if name:
            self._anchors[name] = _Anchored(node, 1, 0)

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].key is None and isinstance(self._open[-1].value, dict)

    def _take_key(self, text: str, mark: Mark, *, plain: bool) -> None:
        frame = self._open[-1]
        if text == "":
            self._bad_key(mark, "nothing")
        elif text == "<<" and plain:
            self.report("FT1013", mark, "the merge key << stands here")
            frame.key = _DROPPED
        elif text in frame.keys:
            first = frame.keys[text]
            what = f"{shown(text)} stands twice: here and at line {first.line}, column {first.column}"
            self.report("FT1015", mark, what)
            frame.key = _DROPPED
        else:
            frame.keys[text] = mark
            frame.key = (text, mark)

    def _bad_key(self, mark: Mark, what: str, *, pending: bool = False) -> None:
        """Refuse a key; `pending` says that its own value is still to be read, and dropped, before the key's."""
        self.report("FT1014", mark, f"{what} stands where a key belongs")
        self._open[-1].key = _DROPPED_TWICE if pending else _DROPPED

    def _add(self, node: Node, size: int = 1, height: int = 0) -> None:
        if not self._open:
            self.root = node
            return
        frame = self._open[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.value, list):
            frame.value.append(node)
        elif frame.key is _DROPPED_TWICE:
            frame.key = _DROPPED
        elif frame.key is not None:
            if frame.key is not _DROPPED:
                frame.value[frame.key[0]] = node
            frame.key = None


_DROPPED = ("", Mark(0, 0))
_DROPPED_TWICE = ("", Mark(0, 1))
_ALIAS_FIX = "Mark the value with &name above, or put the text in quotes if it only begins with a star."


def _mark(event: Any) -> Mark:
    return Mark(event.start_mark.line + 1, event.start_mark.column + 1)


def _feed(builder: _Builder, text: str) -> None:
    import yaml  # noqa: PLC0415  20 ms that a command without a spec need not pay

    takers: dict[type, Callable[[Any], None]] = {
        yaml.DocumentStartEvent: builder.document,
        yaml.ScalarEvent: builder.scalar,
        yaml.AliasEvent: builder.alias,
        yaml.MappingStartEvent: builder.begin_map,
        yaml.MappingEndEvent: builder.end,
        yaml.SequenceStartEvent: builder.begin_list,
        yaml.SequenceEndEvent: builder.end,
    }
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for event in yaml.parse(text, Loader=loader):
            if taker := takers.get(type(event)):
                taker(event)
    except _Refused:
        pass
    except yaml.MarkedYAMLError as error:
        _report_syntax(builder, text, error)
    except (yaml.YAMLError, ValueError, OverflowError):  # the pure parser lets these through from \U escapes
        builder.report("FT1005", Mark(1, 1), "an escape in a quoted text names no character")


def _report_syntax(builder: _Builder, text: str, error: Any) -> None:
    """Say what the parser stopped at, and for the usual slips how to mend them."""
    builder.root = None
    is_cut_off = "end of stream" in str(error.problem)  # then what was begun says more than the last line
    at = (is_cut_off and error.context_mark) or error.problem_mark or error.context_mark
    mark = Mark(at.line + 1, at.column + 1)
    lines = re.split("\r\n|[\r\n\x85\u2028\u2029]", text)
    line = lines[at.line] if at.line < len(lines) else ""
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        builder.report("FT1006", Mark(mark.line, indent.index("\t") + 1), "a tab stands in the indentation")
        return
    why = ""
    if error.context and error.context_mark:
        why = f"This came up {error.context} that begins at line {error.context_mark.line + 1}."
    builder.report("FT1005", mark, f"not valid YAML: {error.problem}", why=why, fix=_syntax_fix(error.problem, line))


def _syntax_fix(trouble: str, line: str) -> str:
    if re.search(r"[{\[,].*\$\{", line):
        return 'Inside {…} and […] put a variable in quotes: {capacity: "${capacity}"}.'
    if "mapping values are not allowed" in trouble:
        return "Put the text in quotes if it holds a colon, or check the indentation of this line."
    if "cannot start any token" in trouble:
        return "Put the text in quotes: it begins with a character that YAML keeps for itself."
    return ""
