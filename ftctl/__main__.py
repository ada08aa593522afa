"""The way in: what can be answered at once is, everything else is the command line's."""

from __future__ import annotations

import gc
import sys

_INTERRUPTED = 130
_YOUNG = 50_000  # objects: a plan makes many that stay, and to look through them again and again takes long


def main() -> int:
    """Run the command line and return the exit code."""
    arguments = sys.argv[1:]
    if arguments in (["version"], ["--version"]):
        from ftctl import __version__  # noqa: PLC0415  before anything that costs

        sys.stdout.write(f"ftctl {__version__}\n")
        return 0
    gc.set_threshold(_YOUNG)
    from ftctl.cli.root import run  # noqa: PLC0415  click costs 60 ms

    code = run(arguments)
    if code == _INTERRUPTED:
        from ftctl.cli.interrupts import leave  # noqa: PLC0415  only then

        leave()  # Python would wait for threads that still read, and for what a busy service makes them wait
    return code


if __name__ == "__main__":
    sys.exit(main())
