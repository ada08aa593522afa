"""What is known of a data file once it has been read: the values that lint, statistics, diffs and plans show."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

import msgspec

Format = Literal["chat", "preference", "reinforcement"]
Bom = Literal["keep", "add", "strip"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to say about a file. `what` names the place inside the example and never quotes the data.

    `line` and `column` count from 1, columns in code points; 0 where the finding is about the whole file or line.
    """

    code: str
    what: str
    line: int = 0
    column: int = 0
    fix: str = ""
    warning: bool = False


class Long(msgspec.Struct, frozen=True):
    """One of the longest examples."""

    tokens: int
    line: int


class System(msgspec.Struct, frozen=True):
    """A distinct system (or developer) text: where it stands first, and in how many examples it stands."""

    key: str
    line: int
    examples: int


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """Token counts of the sound examples, by the rule of OpenAI's cookbook for chat.

    `total`, `assistant` and `billed` map a number of tokens to the number of examples that have it, so that every
    percentile can be told exactly. `total` is what the model reads at once: of a pair, the prompt and the longer
    output. `billed` is what one pass is charged for: a preference pair's prompt counts twice, with each of the outputs.
    `estimated` are the tokens among `billed` that stand for tools and images, whose real count only the service knows.
    """

    encoding: str
    total: dict[int, int]
    assistant: dict[int, int]
    billed: dict[int, int]
    estimated: int = 0
    longest: tuple[Long, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One pass over a file. `sha256` and `size` are of what is uploaded (its byte order mark kept, added or taken off).

    `examples` counts the lines that are not blank, `sound` those without an error: all figures are of these.
    `findings` holds the first of each code, `counts` how many there are in all. `tokens` is None where they were not
    counted. `turns` maps a number of user messages to the number of examples that have it, `weights` tells those that
    are written down, and `tools` and `item_keys` (a reinforcement example's extra keys) in how many examples each is
    offered or given. `systems` are the first thousand or so, `more_systems` counts the distinct others.
    """

    format: Format
    sha256: str = ""
    size: int = 0
    bom: bool = False
    lines: int = 0
    examples: int = 0
    sound: int = 0
    findings: tuple[Finding, ...] = ()
    counts: dict[str, int] = {}
    tokens: Tokens | None = None
    roles: dict[str, int] = {}
    turns: dict[int, int] = {}
    weights: dict[str, int] = {}
    tools: dict[str, int] = {}
    tool_calls: int = 0
    images: int = 0
    systems: tuple[System, ...] = ()
    more_systems: int = 0
    system: str | None = None
    item_keys: dict[str, int] = {}
    duplicates: int = 0
    contradictions: int = 0

    @property
    def errors(self) -> int:
        """How many findings are errors, those that are not shown included."""
        warnings = {finding.code for finding in self.findings if finding.warning}
        return sum(number for code, number in self.counts.items() if code not in warnings)


@dataclass(frozen=True, slots=True)
class Index:
    """The sound examples of a file in its order, as 64-bit hashes: what diffs and leakage checks compare.

    `keys` are of a whole example in canonical form, `questions` of it without what is learned from it (the last
    assistant message, the two outputs of a pair), `lines` say where it stands.
    """

    keys: array[int] = field(default_factory=lambda: array("Q"))
    questions: array[int] = field(default_factory=lambda: array("Q"))
    lines: array[int] = field(default_factory=lambda: array("I"))


@dataclass(frozen=True, slots=True)
class Checked:
    """A file's report and index."""

    report: Report
    index: Index
