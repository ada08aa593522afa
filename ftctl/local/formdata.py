"""An upload as it comes in: a multipart form whose file goes straight to disk."""

from __future__ import annotations

import logging
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from ftctl.core.clock import SystemClock
from ftctl.local.wire import Refusal, Request, chunks

_FIELD_LIMIT = 64 * 1024
_FIELDS_LIMIT = 50
_ABANDONED = 86_400  # seconds after which a file that was never finished is nobody's
_SILENCE = logging.NullHandler()


@dataclass(slots=True)
class Form:
    """The fields of a form, and the file that came with it."""

    path: Path
    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size: int = 0


def receive(request: Request, folder: Path, limit: int, name: str = "file") -> Form:
    """Read a request's form, whose file is in the part `name`.

    The file is the caller's to move or remove; where the form is refused there is none.
    A body over the limit is read to its end all the same, since clients listen only once they have sent everything.
    """
    boundary = _boundary(request.headers.get("content-type", ""))
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    form = Form(folder / f"{uuid.uuid4().hex}.part")
    try:
        with form.path.open("wb") as file:
            _parse(request, boundary, _Receiver(form, file, limit, name))
        _check(form, limit, name)
    except BaseException:
        form.path.unlink(missing_ok=True)
        raise
    return form


def _sweep(folder: Path) -> None:
    """Remove what a process that was killed has left behind."""
    now = SystemClock().now().timestamp()  # as the file system has it
    for path in folder.glob("*.part"):
        with suppress(OSError):
            if now - path.stat().st_mtime > _ABANDONED:
                path.unlink()


def _check(form: Form, limit: int, name: str) -> None:
    if form.size > limit:
        raise Refusal(413, "fileTooLarge", f"The file has more than the {limit} bytes that are allowed.")
    if form.filename is None:
        raise Refusal(400, "invalidPayload", f"The form has no part '{name}' with a file name.", param=name)


def _boundary(content_type: str) -> bytes:
    from python_multipart.multipart import parse_options_header  # noqa: PLC0415  only uploads need it

    media, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if media != b"multipart/form-data" or not boundary:
        raise Refusal(415, "unsupportedMediaType", "A multipart/form-data body with a boundary is expected.")
    return boundary


def _parse(request: Request, boundary: bytes, receiver: _Receiver) -> None:
    from python_multipart.exceptions import FormParserError  # noqa: PLC0415  only uploads need it
    from python_multipart.multipart import MultipartParser  # noqa: PLC0415

    logging.getLogger("python_multipart").addHandler(_SILENCE)  # it warns of malformed bodies, with bytes of theirs
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": receiver.begin_part,
                "on_header_field": receiver.add_header_name,
                "on_header_value": receiver.add_header_value,
                "on_header_end": receiver.end_header,
                "on_headers_finished": receiver.end_headers,
                "on_part_data": receiver.add_data,
                "on_part_end": receiver.end_part,
                "on_end": receiver.end,
            },
        )
        for piece in chunks(request.stream, request.length):
            parser.write(piece)
        parser.finalize()
    except FormParserError:
        raise Refusal(400, "invalidPayload", "The multipart body is malformed.") from None
    if not receiver.ended:
        raise Refusal(400, "invalidPayload", "The multipart body ends early.")


class _Receiver:
    """Takes the parser's events and fills the form."""

    def __init__(self, form: Form, file: BinaryIO, limit: int, name: str) -> None:
        self.ended = False
        self._file_field = name
        self._form = form
        self._file = file
        self._limit = limit
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._field: str | None = None
        self._text = bytearray()

    def begin_part(self) -> None:
        self._headers = {}
        self._text.clear()

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def end_headers(self) -> None:
        from python_multipart.multipart import parse_options_header  # noqa: PLC0415  only uploads need it

        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        self._field = name
        if name == self._file_field:
            if self._form.filename is not None:
                raise Refusal(400, "invalidPayload", "The form has more than one file.", param=name)
            filename = options.get(b"filename", b"").decode("utf-8", "replace")
            if not filename:
                raise Refusal(400, "invalidPayload", f"The part '{name}' has no file name.", param=name)
            self._form.filename = filename

    def add_data(self, data: bytes, start: int, end: int) -> None:
        if self._field == self._file_field:
            self._form.size += end - start
            if self._form.size <= self._limit:
                self._file.write(memoryview(data)[start:end])
        elif len(self._text) + end - start <= _FIELD_LIMIT:
            self._text += data[start:end]
        else:
            raise Refusal(400, "invalidPayload", "A field of the form is too long.")

    def end_part(self) -> None:
        if self._field in (self._file_field, None):
            return
        if len(self._form.fields) >= _FIELDS_LIMIT:
            raise Refusal(400, "invalidPayload", "The form has too many fields.")
        self._form.fields[self._field] = self._text.decode("utf-8", "replace")

    def end(self) -> None:
        self.ended = True
