"""`ftctl init`: a stack to start from, with a little data to train on."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

import click

from ftctl.cli.session import unwritable
from ftctl.cli.streams import show
from ftctl.core.errors import FtctlError, Problem

_TEMPLATES = Path(__file__).parent / "templates"
_DATA = ("train.jsonl", "valid.jsonl")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")


@click.command(name="init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("specs"))
@click.option(
    "--template",
    type=click.Choice(["sft", "lab"]),
    default="sft",
    show_default=True,
    help="sft: the smallest whole chain; lab: with every role, variables and an environment.",
)
@click.option("--name", default="tone", show_default=True, metavar="NAME", help="The stack's name.")
def command(folder: Path, template: str, name: str) -> None:
    """Write a commented stack and sample data into FOLDER, specs/ if left out.

    It runs as it is on the local Azure, with `ftctl apply`. Nothing is ever
    written over.
    """
    if not _NAME.fullmatch(name):
        raise click.BadParameter("a name has 2 to 32 small letters, digits and '-'", param_hint="'--name'")
    stack = Template((_TEMPLATES / f"{template}.yaml").read_text(encoding="utf-8")).substitute(name=name)
    files = {folder / f"{name}.yaml": stack}
    files |= {folder / "data" / data: (_TEMPLATES / "data" / data).read_text(encoding="utf-8") for data in _DATA}
    show("\n".join(f"Wrote {path}" for path in _write(files)))
    where = "" if folder == Path("specs") else f" {folder}"
    show(
        f"\nNext:  ftctl plan{where}   to see what it would do\n       ftctl apply{where}  to do it, on the local Azure"
    )


def _write(files: dict[Path, str]) -> list[Path]:
    """All of the files, or none when another one is in the way; gives those that were not there yet."""
    missing = [path for path in files if not (path.exists() or path.is_symlink())]
    taken = [path for path, text in files.items() if path not in missing and not _holds(path, text)]
    if taken or not missing:
        raise FtctlError.all(Problem("FT6003", f"{path} exists already") for path in taken or list(files)[:1])
    for path in missing:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(files[path])
        except OSError as error:
            raise unwritable(path, error) from None
    return missing


def _holds(path: Path, text: str) -> bool:
    """Whether a file is what would be written: the sample data of an earlier stack."""
    try:
        return path.is_file() and path.read_bytes() == text.encode()
    except OSError:
        return False
