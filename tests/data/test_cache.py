"""What was checked before: found again for the same content, and never shown for another."""

from __future__ import annotations

import os
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ftctl.core.clock import ManualClock
from ftctl.data import cache
from ftctl.data import check as module
from ftctl.data.cache import Asked, Cache
from ftctl.data.check import check
from ftctl.data.lines import Source
from ftctl.data.report import Checked
from tests.data.rows import SHOWN, fill

CHAT = Asked("chat", "", "keep", ())


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("FTCTL_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    path.write_bytes(fill() * 2)
    settle(path)
    return path


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were really looked at."""
    made: list[Path] = []
    real = module.examine

    def examine(source, asked, progress=None, *, short=True):
        made.append(source.path)
        return real(source, asked, progress, short=short)

    monkeypatch.setattr(module, "examine", examine)
    return made


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read for their hash alone."""
    made: list[Path] = []
    real = Source.hash
    monkeypatch.setattr(Source, "hash", lambda self: made.append(self.path) or real(self))
    return made


def settle(path: Path, seconds: float = 60) -> None:
    """As if it had been written a while ago."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def look(path: Path, shown: str = SHOWN, **more) -> Checked:
    return check(path, shown, **{"encoding": "", **more})


def test_the_second_look_reads_nothing(kept, file, examined, hashed):
    first = look(file)
    told: list[int] = []
    assert look(file, progress=lambda *_: told.append(1)) == first
    assert (examined, hashed, told) == ([file], [], [])
    assert list(first.index.lines) == list(range(1, 101))


def test_a_report_with_errors_is_kept_as_well(kept, file, examined):
    file.write_bytes(fill([], "x"))
    settle(file)
    assert look(file) == look(file)
    assert look(file).report.errors == 2
    assert len(examined) == 1


def test_a_report_is_that_of_the_content_wherever_it_stands(kept, file, examined, hashed):
    first = look(file)
    moved = file.rename(file.with_name("other.jsonl"))
    assert look(moved) == first
    os.utime(moved)
    assert look(moved) == first
    assert (len(examined), hashed) == (1, [moved, moved])


def test_the_name_in_a_kept_report_is_the_one_it_goes_by_now(kept, tmp_path, examined):
    path = tmp_path / "few"
    path.write_bytes(fill(to=3))
    settle(path)
    look(path, "old/few.jsonl")
    (finding,) = look(path, "new/few.jsonl").report.findings
    assert finding.what == "new/few.jsonl has 3 examples, fewer than 10"
    assert len(examined) == 1


@pytest.mark.parametrize("trick", ["same size", "same size and time", "another file in its place"])
def test_other_content_is_looked_at(kept, file, examined, trick):
    before = file.stat()
    look(file)
    content = file.read_bytes().replace(b"Be kind.", b"Be cruel"[:8])
    if trick == "another file in its place":
        file.with_suffix(".new").write_bytes(content)
        file.with_suffix(".new").replace(file)
    else:
        file.write_bytes(content)
    if trick != "same size":
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + (trick == "same size and time")))
    assert look(file).report.system == "Be cruel"
    assert len(examined) == 2


def test_what_was_just_written_is_hashed_again(kept, file, examined, hashed):
    """A file may be written twice in one tick of the file system's clock, with nothing to show for it."""
    os.utime(file)
    first = look(file)
    before = file.stat()
    assert look(file) == first
    assert hashed == [file]
    file.write_bytes(file.read_bytes().replace(b"Be kind.", b"Be cruel"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look(file).report.system == "Be cruel"
    assert len(examined) == 2


def test_a_time_is_trusted_two_seconds_later(kept, file):
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    for seconds, hashes in ((-5, True), (1, True), (3, False)):
        clock = ManualClock(written + timedelta(seconds=seconds))
        source = Source(file, SHOWN, bom="keep", limit=1 << 30)
        store = Cache(source, CHAT, clock=clock)
        store.keep(module.examine(source, CHAT))
        assert (Cache(source, CHAT, clock=clock)._known_hash() is None) is hashes, seconds


DIFFERENT = [{"format": "reinforcement"}, {"encoding": "o200k_base"}, {"bom": "add"}, {"allow": ("0123456789ab",)}]


@pytest.mark.parametrize("other", DIFFERENT, ids=str)
def test_another_question_is_another_report(kept, file, examined, other):
    plain = look(file)
    assert look(file, **other) != plain or "allow" in other
    assert look(file) == plain
    assert look(file, **other) == look(file, **other)
    assert len(examined) == 2


def test_other_rules_are_another_report(kept, file, examined, monkeypatch):
    look(file)
    monkeypatch.setattr(cache, "rules", lambda: "other")
    look(file)
    assert len(examined) == 2


def test_the_rules_version_follows_their_text():
    assert len(cache.rules()) == 64
    assert cache.rules() == cache.rules()


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut off": content[:-7], "foreign": b"{}", "a bit": content[:-1] + b"\xee"}[how])


@pytest.mark.parametrize("how", ["empty", "cut off", "foreign", "a bit"])
@pytest.mark.parametrize("part", ["*.place", "*-*"])
def test_a_damaged_entry_is_as_good_as_none(kept, file, examined, how, part):
    first = look(file)
    for path in kept.glob(part):
        damage(path, how)
    assert look(file) == first
    assert look(file) == first
    assert len(examined) == (2 if part == "*-*" else 1)


def test_a_report_under_a_foreign_name_is_not_believed(kept, file, examined):
    look(file)
    (entry,) = kept.glob("*-*")
    other = file.with_name("other")
    other.write_bytes(file.read_bytes().replace(b"Be kind.", b"Be cruel"))
    settle(other)
    sha256 = Source(other, SHOWN, bom="keep", limit=1 << 30).hash()
    entry.rename(entry.with_name(entry.name.rpartition("-")[0] + "-" + sha256))
    assert look(other).report.system == "Be cruel"


def test_without_the_cache_nothing_is_kept(kept, file, examined):
    look(file, cache=False)
    look(file, cache=False)
    assert len(examined) == 2
    assert not kept.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="modes are of POSIX")
def test_only_its_owner_may_look_into_it(kept, file):
    look(file)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o600}


def test_a_folder_that_cannot_be_had_is_done_without(file, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("FTCTL_CACHE_DIR", str(tmp_path / "taken"))
    assert look(file).report.sound == 100


def test_what_was_not_asked_for_longest_is_forgotten(kept, tmp_path, monkeypatch, examined):
    paths = [tmp_path / f"{number}.jsonl" for number in range(4)]
    for number, path in enumerate(paths):
        path.write_bytes(fill(to=50 + number))
        settle(path)
    look(paths[0])
    size = sum(path.stat().st_size for path in kept.iterdir())
    monkeypatch.setattr(cache, "MOST_BYTES", int(size * 2.9))
    for path in (*paths[1:], paths[3]):
        look(path)
        for entry in kept.iterdir():
            settle(entry, 5)
    assert sum(path.stat().st_size for path in kept.iterdir()) <= size * 2.9
    examined.clear()
    look(paths[3])
    look(paths[0])
    assert examined == [paths[0]]


def test_what_was_just_asked_for_again_stays(kept, tmp_path, monkeypatch, examined):
    paths = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(fill(to=50 + number))
        settle(path)
    for path in paths[:2]:
        look(path)
        for entry in kept.glob("*-*"):
            settle(entry, 50)
    look(paths[0])
    monkeypatch.setattr(cache, "MOST_BYTES", sum(path.stat().st_size for path in kept.iterdir()) * 11 // 10)
    look(paths[2])
    examined.clear()
    look(paths[0])
    assert examined == []


def test_files_that_are_no_data_are_not_kept(kept, tmp_path):
    look(tmp_path / "missing")
    assert not kept.exists()
