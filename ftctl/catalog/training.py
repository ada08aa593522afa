"""Which model can be trained where, how and until when: a dated catalogue, with facts of one's own before it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ftctl.core.errors import FtctlError, Problem, Where

VARIABLE = "FTCTL_MODELS"  # names a file of facts of one's own
TrainingType = Literal["standard", "globalStandard", "developerTier"]
TYPES: tuple[str, ...] = get_args(TrainingType)
_BOOK = Path(__file__).with_suffix(".toml")
_DATE = re.compile(r"-20[0-9]{2}-[0-9]{2}-[0-9]{2}$")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Trainable:
    """One model: the regions of each training type among those that were `seen`, and the methods that are known."""

    id: str
    date: str
    seen: frozenset[str]
    regions: Mapping[str, frozenset[str]]
    methods: tuple[str, ...]
    training_end: dt.date

    @property
    def basis(self) -> str:
        return f"catalogue of {self.date}"


class _Entry(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    date: str
    training_end: dt.date = msgspec.field(name="training_end")
    seen: str = ""
    standard: str = ""
    global_standard: str = ""
    developer_tier: str = ""
    methods: list[Literal["supervised", "dpo", "reinforcement"]] = []


class _Book(msgspec.Struct, forbid_unknown_fields=True):
    models: dict[str, _Entry]
    regions: dict[str, str] = {}


def trainable(model: str, environ: Mapping[str, str]) -> Trainable | None:
    """What is known of a base model, by its name in any case; None where nothing is."""
    own = [Path(environ[VARIABLE])] if environ.get(VARIABLE) else []
    return next((found for path in (*own, _BOOK) if (found := _book(path).get(model.lower()))), None)


def bases(name: str) -> list[str]:
    """The base models of the catalogue that a name stands for: itself, or those that only add a date to it."""
    known = _book(_BOOK).values()
    same = [one.id for one in known if one.id.lower() == name.lower()]
    return same or [one.id for one in known if _DATE.sub("", one.id).lower() == name.lower()]


def region(location: str) -> str:
    """A location as it compares: `East US 2` and `EASTUS2` are one."""
    return _SPACES.sub("", location).lower()


@cache
def _book(path: Path) -> dict[str, Trainable]:
    try:
        book = msgspec.toml.decode(path.read_bytes(), type=_Book)
        return {name.lower(): _entry(name, one, book.regions) for name, one in book.models.items()}
    except OSError as error:
        raise _refused(path, (error.strerror or "error").lower()) from None
    except (ValueError, RecursionError) as error:  # not TOML, of another form, or sets of regions that go in a circle
        raise _refused(path, str(error)) from None


def _entry(name: str, one: _Entry, sets: Mapping[str, str]) -> Trainable:
    given = (one.standard, one.global_standard, one.developer_tier)
    regions = {kind: _regions(text, sets) for kind, text in zip(TYPES, given, strict=True)}
    return Trainable(name, one.date, _regions(one.seen, sets), regions, tuple(one.methods), one.training_end)


def _regions(text: str, sets: Mapping[str, str]) -> frozenset[str]:
    found: set[str] = set()
    for word in text.split():
        if word[0] != "@":
            found.add(word.lower())
        elif word[1:] in sets:
            found |= _regions(sets[word[1:]], sets)
        else:
            raise ValueError(f"no set of regions is called {word[1:]}")
    return frozenset(found)


def _refused(path: Path, reason: str) -> FtctlError:
    return FtctlError(Problem("FT6017", f"{path} is no catalogue of models: {reason}", Where(str(path))))
