"""Error codes as pages: the general case that a problem is one of."""

from __future__ import annotations

from collections.abc import Mapping

from ftctl.core.errors import Code
from ftctl.render.look import Look, Style


def page(name: str, code: Code, look: Look) -> str:
    title = look.wrap(code.title, f"{name}: ", "  ")
    blocks = [
        [look.paint(line, Style.BOLD) for line in title],
        look.wrap(code.why, ""),
        look.wrap(code.fix, "What to do: ", ""),
        look.wrap(f"Exit code {int(code.exit)} ({code.exit.name.lower()}).", ""),
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks)


def index(codes: Mapping[str, Code], look: Look) -> str:
    """Every code with its title."""
    return "\n".join(line for name in sorted(codes) for line in look.wrap(codes[name].title, f"{name}  "))
