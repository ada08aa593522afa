"""From lines to figures: sound plain chat goes a short way, everything else the long and complete one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from typing import Any

import msgspec

from ftctl.core.codes.data import CODES
from ftctl.core.errors import Exit
from ftctl.data import example as chat
from ftctl.data import preference, reinforcement
from ftctl.data.count import Batch, Counting
from ftctl.data.fault import Fault
from ftctl.data.lines import LINE_LIMIT
from ftctl.data.privacy import findings as private
from ftctl.data.privacy import suspects
from ftctl.data.report import Finding, Format
from ftctl.data.rules import notes
from ftctl.data.short import Short
from ftctl.data.tally import Tally

KEPT = 20  # findings of each code; all are counted

_FAULTS = {"chat": chat.faults, "preference": preference.faults, "reinforcement": reinforcement.faults}
_BLANKS = b" \t\r\n"


class Scan:
    """Takes the lines of a file in order. `findings` are what is wrong with them, `counts` how often of each code.

    `short=False` leaves the short way out, which changes nothing but the time.
    """

    def __init__(self, format: Format, encoding: str, allow: Collection[str], *, short: bool = True) -> None:  # noqa: A002  the spec's word
        self.format, self.allow = format, allow
        self.line = self.examples = 0
        self.findings: list[Finding] = []
        self.counts: dict[str, int] = {}
        self.counting = Counting(encoding, pairs=format == "preference")
        self.tally = Tally(format, self.counting.count)
        self._faults: Callable[[Any], Iterator[Fault]] = _FAULTS[format]
        self._short = Short(self.tally) if short and format == "chat" else None
        self._hashes: dict[str, str] = {}

    def read(self, blocks: Iterable[list[bytes] | None]) -> None:
        """Take all lines, and have the next block looked through while this one is taken."""
        held: tuple[list[bytes], Future[list[int]]] | None = None
        for lines in blocks:
            looked = self.counting.beside(suspects, lines) if lines else None
            if held:
                self._take(*held)
            held = (lines, looked) if lines and looked else None
            if lines is None:
                self._pass_over()
        if held:
            self._take(*held)

    def _pass_over(self) -> None:
        """Count a line that was too long to look at."""
        self.line += 1
        self.examples += 1
        self.add(Fault("FT1309", f"the line is longer than {LINE_LIMIT:,} bytes"), self.line)

    def _take(self, lines: list[bytes], looked: Future[list[int]]) -> None:
        batch = Batch()
        for number, line in enumerate(lines, self.line + 1):
            if self._short and self._short.take(line, number, batch):
                self.examples += 1
            else:
                self._long(line, number, batch)
        for place in looked.result():
            self._look(lines[place], self.line + 1 + place)
        self.line += len(lines)
        self.tally.flush()
        self.counting.put(batch)

    def add(self, fault: Fault, line: int = 0, column: int = 0) -> None:
        """Count a finding, and keep it if it is among the first of its code."""
        code = fault.code
        self.counts[code] = self.counts.get(code, 0) + 1
        if self.counts[code] <= KEPT:
            warning = CODES[code].exit is Exit.DONE
            self.findings.append(Finding(code, fault.what, line, column, fault.fix, warning))

    def _look(self, line: bytes, number: int) -> None:
        for fault in private(line, self.allow, self._hashes):
            self.add(fault, number)

    def _long(self, line: bytes, number: int, batch: Batch) -> None:
        """Take any line: find all that is wrong with it, or add up what it says."""
        if not line.strip(_BLANKS):
            return
        self.examples += 1
        try:
            example = msgspec.json.decode(line)
            faults = list(self._faults(example))
        except RecursionError:
            self.add(Fault("FT1312", "the example is nested too deeply"), number)
            return
        except (msgspec.DecodeError, UnicodeDecodeError):
            fault, column = undecodable(line)
            self.add(fault, number, column)
            return
        for fault in faults or notes(example, self.format):
            self.add(fault, number)
        if not faults:
            batch.weighed.append(self.tally.example(example, number))


def undecodable(line: bytes) -> tuple[Fault, int]:
    """What is wrong with a line that msgspec does not take, and in which column, which it does not tell exactly."""
    import json  # noqa: PLC0415  only needed when something is wrong

    try:
        json.loads(line.rstrip().decode())
    except UnicodeDecodeError as error:
        return Fault("FT1308", "the line is not UTF-8"), len(line[: error.start].decode()) + 1
    except json.JSONDecodeError as error:
        reason = error.msg.lower().removesuffix(": ").removesuffix(" at").removesuffix(" starting")
        return Fault("FT1310", f"the line is not JSON: {reason}"), error.pos + 1
    except (ValueError, RecursionError):
        pass
    return Fault("FT1310", "the line is not JSON: a number or escape in it stands for nothing"), 0
