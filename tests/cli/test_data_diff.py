"""`ftctl data diff`: against git, files and what is live; the line of a plan; and the copies that are kept."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.data import copies
from tests.cli.datafiles import edit_data, example, write


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FTCTL_CACHE_DIR", str(folder))
    monkeypatch.delenv("FTCTL_PRICES", raising=False)
    return folder


@pytest.fixture
def good(project):
    return write("train.jsonl", map(example, range(60)))


def git(*words):
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *words], check=True, capture_output=True
    )


@pytest.fixture
def committed(good):
    """The file in a git repository; then some of it changes."""
    git("init", "-q")
    git("add", "train.jsonl")
    git("commit", "-q", "-m", "one")
    rows = [*map(example, range(60))]
    del rows[10:13]
    for number in (3, 17):  # the second was in line 21
        rows[number]["messages"][2]["content"] += " Please tell me more."
    rows += [example(number, system="Be brief.") for number in range(100, 112)]
    return write("train.jsonl", rows)


# --- diff


def test_diff_against_git(ftctl, golden, committed):
    said = ftctl("data", "diff", committed, "--model", "gpt-4.1-mini")
    assert (said.code, said.err) == (0, "")
    assert "+12 added, \u22123 removed, ~2 edited; 55 unchanged." in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines())
    commit = said.out.partition("git:HEAD (")[2].partition(")")[0]
    golden("data-diff", said.out.replace(commit, "COMMIT"))
    markdown = ftctl("data", "diff", committed, "--against", "git:HEAD", "-o", "markdown").out
    golden("data-diff-markdown", markdown.replace(commit, "COMMIT"))


def test_diff_for_machines(ftctl, committed):
    found = json.loads(ftctl("data", "diff", committed, "-o", "json").out)
    numbers = found["examples"]
    assert [numbers[name] for name in ("kept", "added", "removed", "edited")] == [55, 12, 3, 2]
    assert numbers["added_lines"] == list(range(58, 70))
    assert numbers["removed_lines"] == [11, 12, 13]
    assert numbers["edited_lines"] == [{"before": 4, "after": 4}, {"before": 21, "after": 18}]
    assert found["systems"]["added"] == [{"line": 58, "examples": 12}]
    assert (found["before"]["examples"], found["after"]["examples"]) == (60, 69)


def test_diff_against_another_file(ftctl, good):
    other = write("other.jsonl", [example(n) for n in range(59, -1, -1)])
    assert "The same 60 examples, in another order." in ftctl("data", "diff", good, "--against", other).out
    assert "byte for byte" in ftctl("data", "diff", good, "--against", good).out


@pytest.mark.parametrize(
    ("revision", "words"),
    [("nonsense", "no such revision"), ("--output=x", "no such revision"), ("HEAD", "other.jsonl")],
)
def test_what_git_does_not_have(ftctl, committed, revision, words):
    other = committed if revision != "HEAD" else write("other.jsonl", map(example, range(10)))
    said = ftctl("data", "diff", other, "--against", f"git:{revision}")
    assert (said.code, said.err.startswith("error FT6012: ")) == (Exit.ERROR, True)
    assert words in " ".join(said.err.split())
    assert not Path("x").exists()


def test_a_pointer_of_git_lfs_is_recognised(ftctl, good):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'5' * 64}\nsize 7\n"
    write("train.jsonl", [pointer.rstrip("\n")])
    git("init", "-q")
    git("add", "train.jsonl")
    git("commit", "-q", "-m", "one")
    write("train.jsonl", map(example, range(60)))
    said = ftctl("data", "diff", "train.jsonl")
    assert (said.code, said.err.startswith("error FT1304: ")) == (Exit.DATA, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [(["nothing"], "FT6004"), (["nothing.jsonl"], "FT1300"), (["dataset/train", "-f", "x.yaml"], "FT1000")],
)
def test_what_is_not_there(ftctl, words, code):
    ftctl("init")
    assert ftctl("data", "diff", *words).err.startswith(f"error {code}: ")


# --- stacks


def test_a_dataset_against_what_is_live(ftctl, cache):
    ftctl("init")
    none = ftctl("data", "diff", "train")
    assert (none.code, "error FT6005: " in none.err) == (Exit.ERROR, True)
    assert ftctl("apply", "--auto-approve").code == 0
    assert "byte for byte" in ftctl("data", "diff", "train").out
    number = edit_data()

    plan = " ".join(ftctl("plan").out.split())
    assert "+2 -1 ~1 examples, " in plan
    assert "`ftctl data diff train` shows more" in plan

    found = json.loads(ftctl("data", "diff", "dataset/train", "-o", "json").out)
    assert [found["examples"][name] for name in ("added", "removed", "edited")] == [2, 1, 1]
    assert found["after"]["examples"] == number
    assert found["after"]["also_in"] == {"dataset/valid": 1}
    assert found["after"]["training"]["job"] == "tone"
    (copy,) = (cache / "copies").iterdir()
    assert copy.stem == found["before"]["sha256"]
    assert copy.stat().st_mode & 0o077 == 0
    again = ftctl("data", "diff", "train")
    assert (again.code, "back" in again.err) == (0, False)

    for kept in (cache / "data").iterdir():  # as if it had been checked elsewhere
        kept.unlink()
    unknown = " ".join(ftctl("plan").out.split())
    assert "`ftctl data diff train` shows how" in unknown


# --- copies


def test_copies_are_what_their_names_say_and_the_newest(cache):
    from hashlib import sha256  # noqa: PLC0415  only here

    names = []
    for number in range(10):
        content = str(number).encode()
        names.append(sha256(content).hexdigest())
        path = copies.keep(names[-1], [content[:1], content[1:]])
        os.utime(path, (number, number))
    assert copies.kept(names[-1]).read_bytes() == b"9"
    assert copies.kept(names[0]) is None
    with pytest.raises(copies.DifferentError):
        copies.keep("5" * 64, [b"something else"])
    assert copies.kept("5" * 64) is None
    assert len(list((cache / "copies").iterdir())) == 8


def test_the_allow_list_and_the_mark_count_for_both_sides(ftctl):
    ftctl("init")
    path = Path("specs/data/train.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows[0]["messages"][1]["content"] += " Mail me at anna.berg@gmx.de."
    write("before.jsonl", rows)
    write(path, [*rows, example(99)])
    spec = Path("specs/tone.yaml")
    text = spec.read_text(encoding="utf-8")
    allowed = "{path: data/train.jsonl, format: chat, bom: add, allow: [c46334a499bb]}"
    spec.write_text(text.replace("{path: data/train.jsonl, format: chat}", allowed), encoding="utf-8")
    found = json.loads(ftctl("data", "diff", "train", "--against", "before.jsonl", "-o", "json").out)
    assert [found["examples"][name] for name in ("added", "removed", "edited")] == [1, 0, 0]
    assert found["before"]["warnings"] == 0
    assert found["before"]["bytes"] == Path("before.jsonl").stat().st_size + 3
