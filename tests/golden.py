"""Outputs that are kept in files: freed of what differs from run to run, compared, and written anew when asked to.

`FTCTL_GOLDEN=write` keeps what is there now; a review of the difference in git says whether that is right.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

WRITE = os.environ.get("FTCTL_GOLDEN") == "write"

_SPAN = r"\d+(?:\.\d)? (?:s|min|h|days?)(?: \d+ (?:s|min|h))?"
_VARYING = (
    (r"\b(file|ftjob|ftchkpt)-[0-9a-f]{8,32}", r"\1-ID"),
    (r"\.ft-[0-9a-f]{8,32}", ".ft-ID"),  # in a fine-tuned model's name: its job's id
    (r"@[0-9a-f]{8}\b", "@ID"),  # what tells several files or jobs of one name apart
    (r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:PORT"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "TIME"),
    (r"(?m), \d{4}-\d\d-\d\d$", ", DAY"),  # at the end of a remark
    (rf" \({_SPAN}\)", ""),  # after a step that took a second or more
    (rf"\bin {_SPAN}\.", "in SPAN."),
    (rf"(?:, {_SPAN})?, (?:about |up to )?[\d.–]+ \w+ left", ", SPAN left"),  # of a training under way
    (r"\n +time: +≈ [^\n]+ of this model", ""),  # by how long earlier trainings took here
    (r"(USD|unknown), [\d.–]+ (?:s|min|h|days)\)", r"\1)"),
)


def normal(text: str) -> str:
    """`text` without ids that Azure draws, ports and times. Hashes of what is declared stay, as they do not vary."""
    for pattern, instead in _VARYING:
        text = re.sub(pattern, instead, text)
    return text


def kept(path: Path, text: str) -> None:
    """Compare with the kept file, or keep."""
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
