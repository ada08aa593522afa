"""What a fine-tuning measured: a row a step, kept on disk as plain numbers so that any of a million is read at once."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isnan, nan
from pathlib import Path
from typing import Any, NamedTuple, overload

import msgspec

ROWS, FIT = "rows.f64", "fit.json"


class Row(NamedTuple):
    """One step of supervised or preference tuning."""

    step: int
    train_loss: float
    train_accuracy: float
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_accuracy: float | None = None


class RewardRow(NamedTuple):
    """One step of reinforcement tuning."""

    step: int
    train_reward: float
    full_valid_reward: float | None
    completion_tokens: float
    reasoning_tokens: float
    unresponsive: float
    parse_errors: int
    other_errors: int


# By the names of results.csv, events and checkpoints, in the order of the rows' fields.
COLUMNS: dict[type[Row | RewardRow], tuple[str, ...]] = {
    Row: (
        "step",
        "train_loss",
        "train_mean_token_accuracy",
        "valid_loss",
        "valid_mean_token_accuracy",
        "full_valid_loss",
        "full_valid_mean_token_accuracy",
    ),
    RewardRow: (
        "step",
        "train_mean_reward",
        "full_valid_mean_reward",
        "completion_tokens_mean",
        "reasoning_tokens_mean",
        "mean_unresponsive_rewards",
        "train_sample_parse_error_count",
        "train_other_error_count",
    ),
}
_COUNTS = {"step", "train_sample_parse_error_count", "train_other_error_count"}
_KINDS: dict[str, Any] = {"row": Row, "reward": RewardRow}


class Rows(Sequence[Any]):
    """Rows of one kind over numbers in memory or in a file; what was not measured is no number there."""

    def __init__(self, kind: Any, numbers: Any) -> None:
        """`numbers` is a view of doubles."""
        self.kind = kind
        self.columns = COLUMNS[kind]
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers) // len(self.columns)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> list[Any]: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(place)
        size = len(self.columns)
        numbers = self._numbers[at * size : (at + 1) * size].tolist()
        named = zip(self.columns, numbers, strict=True)
        return self.kind(*(None if isnan(one) else int(one) if name in _COUNTS else one for name, one in named))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Rows) and self.kind is other.kind and self._numbers.tobytes() == other._numbers.tobytes()
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Fit:
    """What a fine-tuning gave: its measures, and how many tokens it was shown."""

    rows: Rows
    trained_tokens: int


class _Summary(msgspec.Struct):
    kind: str
    trained_tokens: int


def told(row: Row | RewardRow) -> dict[str, Any]:
    """A row by the names that results.csv, events and checkpoints share; what was not measured is absent."""
    return {name: value for name, value in zip(COLUMNS[type(row)], row, strict=True) if value is not None}


def as_csv(kind: type[Row | RewardRow], rows: Iterable[Row | RewardRow]) -> bytes:
    """results.csv: plain UTF-8, blank where nothing was measured."""
    lines = (",".join("" if value is None else str(value) for value in row) for row in rows)
    return "".join(f"{line}\n" for line in (",".join(COLUMNS[kind]), *lines)).encode()


def packed(rows: list[Row] | list[RewardRow]) -> bytes:
    return array("d", [nan if value is None else value for row in rows for value in row]).tobytes()


def summary(rows: list[Row] | list[RewardRow], tokens: int) -> bytes:
    kind = next(name for name, kind in _KINDS.items() if isinstance(rows[0], kind))
    return msgspec.json.encode(_Summary(kind, tokens))


@lru_cache(maxsize=64)
def read_fit(folder: Path) -> Fit:
    """The fit that a folder holds."""
    about = msgspec.json.decode((folder / FIT).read_bytes(), type=_Summary)
    with (folder / ROWS).open("rb") as file:
        numbers = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).cast("d")
    return Fit(Rows(_KINDS[about.kind], numbers), about.trained_tokens)
