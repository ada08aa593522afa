"""Data files through the one door there is: a file goes in, a report comes out."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftctl.core.codes import CODES
from ftctl.core.errors import Severity, Where
from ftctl.data import lines, scan
from ftctl.data.check import FILE_LIMIT, check, leaks, problems
from ftctl.data.report import Checked, Finding, Format, Report
from tests.data.rows import SHOWN, everything, example, fill, good, image, look, pair, said, say

SPEC = Where("specs/stack.yaml", 30, 12)
BOM = b"\xef\xbb\xbf"
HI, BYE = say("user", "Hello?"), say("assistant", "Good day!")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "train.jsonl"


def both(path: Path, content: bytes, format: Format = "chat") -> Checked:  # noqa: A002  the spec's word
    path.write_bytes(content)
    return check(path, SHOWN, format=format, encoding="", cache=False)


def test_a_sound_file_is_measured_as_it_stands(file):
    content = fill(to=60)
    assert look(file, content) == Report(
        format="chat",
        sha256=sha256(content),
        size=len(content),
        lines=60,
        examples=60,
        sound=60,
        roles={"assistant": 60, "system": 60, "user": 60},
        turns={1: 60},
        systems=look(file, content).systems,
        system="Be kind.",
    )
    (system,) = look(file, content).systems
    assert (system.line, system.examples) == (1, 60)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BOM + fill(), id="byte order mark"),
        pytest.param(fill().replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(fill()[:-1], id="no newline at the end"),
        pytest.param(b"\n \t\r\n" + fill().replace(b"\n", b"\n\n") + b"\n\n", id="blank lines"),
        pytest.param(fill().replace(b"What is", "Grüße \u2028 안녕?".encode()), id="beyond ASCII"),
    ],
)
def test_the_shapes_a_text_file_comes_in(file, content):
    report = look(file, content)
    assert (said(report), report.sound, report.system) == ([], 50, "Be kind.")
    assert (report.size, report.sha256) == (len(content), sha256(content))
    assert report.bom is content.startswith(BOM)


@pytest.mark.parametrize("marked", [True, False])
def test_the_byte_order_mark_is_kept_added_or_taken_off(file, marked):
    bare = fill()
    content = BOM + bare if marked else bare
    sent = {"keep": content, "add": BOM + bare, "strip": bare}
    for rule, upload in sent.items():
        report = look(file, content, bom=rule)
        assert (report.sha256, report.size, report.bom) == (sha256(upload), len(upload), marked), rule


def test_a_byte_order_mark_alone_is_a_file_without_examples(file):
    assert said(look(file, BOM)) == [f"0 FT1307 {SHOWN} has 0 examples, fewer than 10"]
    assert look(file, BOM, bom="strip").sha256 == sha256(b"")


def test_lines_are_numbered_as_an_editor_does(file):
    report = look(file, BOM + b"\r\n\r\n[]\r\n" + fill())
    assert said(report) == ["3 FT1311 the example is not an object"]
    assert (report.lines, report.examples, report.sound) == (53, 51, 50)


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_it_does_not_matter_where_a_block_ends(file, monkeypatch, size):
    content = BOM + fill([], "x", example(HI)) + b"\n\n{"
    whole = look(file, content)
    monkeypatch.setattr(lines, "BLOCK", max(size, 3))
    assert look(file, content) == whole


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        (b"nonsense", "FT1310", 1),
        (b'{"messages": ]}', "FT1310", 14),
        ('{"안녕": ]}'.encode(), "FT1310", 8),
        (b'{"messages": [', "FT1310", 15),
        (b'{"messages": []} {}', "FT1310", 18),
        (b'{"n": 1e999}', "FT1310", 0),
        (b'{"n": NaN}', "FT1310", 0),
        (rb'{"n": "\ud800"}', "FT1310", 0),
        (b'{"n": ' + b"9" * 5000 + b"}", "FT1310", 0),
        (b'{"n": "open', "FT1310", 7),
        (b'{"a": "\xff"}', "FT1308", 8),
        (b"\xff\xfe", "FT1308", 1),
        (b"[" * 100_000, "FT1312", 0),
    ],
)
def test_lines_that_are_no_json(file, line, code, column):
    (found,) = look(file, fill(to=1) + line + b"\n" + fill()[100:]).findings[:1]
    assert (found.code, found.line, found.column) == (code, 2, column)


def test_every_problem_of_a_file_is_found_at_once(file):
    report = look(file, fill([], example(HI), example(HI, BYE, tools=1)))
    assert [finding.code for finding in report.findings] == ["FT1311", "FT1315", "FT1312"]
    assert report.errors == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "FT1305 {} is empty"),
        (b"\n", "FT1307 {} has 0 examples, fewer than 10"),
        (fill(to=1), "FT1307 {} has 1 example, fewer than 10"),
        (fill(to=9), "FT1307 {} has 9 examples, fewer than 10"),
        (fill(to=10), "FT1350 {} has 10 examples, fewer than 50"),
        (fill(to=49), "FT1350 {} has 49 examples, fewer than 50"),
    ],
)
def test_too_few_examples_and_few(file, content, what):
    assert said(look(file, content)) == [f"0 {what.format(SHOWN)}"]
    assert not look(file, fill(to=50)).findings


def test_the_first_of_each_code_are_kept_and_all_are_counted(file):
    report = look(file, b"x\n" * 3021 + fill([]))
    kept = [finding.line for finding in report.findings if finding.code == "FT1310"]
    assert kept == list(range(1, scan.KEPT + 1))
    assert report.counts == {"FT1310": 3021, "FT1311": 1}
    assert report.errors == 3022


def test_problems_are_few_and_the_rest_is_counted(file):
    def shown(content: bytes) -> list[str]:
        return [problem.what for problem in problems(look(file, content), SHOWN, SPEC)]

    assert len(shown(b"x\n" * 20 + fill())) == 20
    assert shown(b"x\n" * 3021)[20:] == [f"3,001 more problems in {SHOWN}"]
    assert shown(b"x\n" * 21 + fill())[20:] == [f"1 more problem in {SHOWN}"]
    assert shown(fill(example(*["x"] * 30), to=2))[0].endswith("fewer than 10")


def test_problems_stand_in_the_data_or_where_its_path_is_named(file):
    found = problems(look(file, fill([], to=9)), SHOWN, SPEC)
    assert [(p.code, p.where) for p in found] == [("FT1307", SPEC), ("FT1311", Where(SHOWN, 1))]
    assert all(problem.why and problem.fix for problem in found)
    assert problems(look(file, b""), SHOWN)[0].where == Where(SHOWN)


def test_errors_come_before_warnings_and_warnings_alone_fail_nothing():
    few, wrong = Finding("FT1350", "few", warning=True), Finding("FT1311", "wrong", 3)
    report = Report(format="chat", findings=(few, wrong), counts={"FT1350": 1, "FT1311": 1})
    assert [p.severity for p in problems(report, SHOWN)] == [Severity.ERROR, Severity.WARNING]
    many = Report(format="chat", findings=(few,), counts={"FT1350": 9})
    assert {p.severity for p in problems(many, SHOWN)} == {Severity.WARNING}
    assert (report.errors, many.errors) == (1, 0)


# --- what is no data


def test_a_line_too_long_is_passed_over(file, monkeypatch):
    monkeypatch.setattr(lines, "LINE_LIMIT", 1000)
    monkeypatch.setattr(lines, "BLOCK", 64)
    content = fill(to=2) + b"x" * 5000 + b"\n" + fill(to=10) + b"x" * 1001
    report = look(file, content)
    assert [(f.code, f.line) for f in report.findings if not f.warning] == [("FT1309", 3), ("FT1309", 14)]
    assert (report.examples, report.lines) == (14, 14)
    assert (report.size, report.sha256) == (len(content), sha256(content))
    assert [f.code for f in look(file, fill() + b"x" * 1000).findings] == ["FT1310"]


def test_a_file_too_large_is_not_read(file):
    with file.open("wb") as stream:
        stream.truncate(2 << 30)
    looked: list[int] = []
    report = check(file, SHOWN, progress=lambda done, _: looked.append(done)).report
    assert said(report) == [f"0 FT1306 {SHOWN} has more than 512,000,000 bytes"]
    assert (report.sha256, looked) == ("", [])


def test_the_limit_is_the_account_s(file):
    content = fill()
    assert not look(file, content, limit=len(content)).findings
    assert said(look(file, content, limit=4_000)) == [f"0 FT1306 {SHOWN} has more than 4,000 bytes"]
    assert FILE_LIMIT == 512_000_000


def test_a_pointer_that_was_not_fetched(file):
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    (problem,) = problems(look(file, pointer), SHOWN)
    assert (problem.code, "git lfs pull" in problem.fix) == ("FT1304", True)


def test_utf_16_is_said_once(file):
    assert [f.code for f in look(file, fill().decode().encode("utf-16")).findings] == ["FT1308"]


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


SPECIAL: dict[str, tuple[str, Callable[[Path], object]]] = {
    "missing": ("FT1300", lambda _: None),
    "dangling": ("FT1300", lambda path: path.symlink_to(path.parent / "nowhere")),
    "train.jsonl/below-a-file": ("FT1300", lambda path: path.parent.touch()),
    "a\0b": ("FT1300", lambda _: None),
    "directory": ("FT1301", Path.mkdir),
    "fifo": ("FT1302", os.mkfifo),
    "socket": ("FT1302", bind),
    "loop": ("FT1303", lambda path: path.symlink_to(path)),
    "x" * 5000: ("FT1303", lambda _: None),
}


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
@pytest.mark.parametrize("name", SPECIAL, ids=ascii)
def test_what_is_no_readable_file_is_said_where_its_path_stands(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    code, make = SPECIAL[name]
    make(Path(name))
    report = check(Path(name), SHOWN).report
    assert [(p.code, p.where) for p in problems(report, SHOWN, SPEC)] == [(code, SPEC)]
    assert (report.counts, report.sha256) == ({code: 1}, "")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux has a file that opens and cannot be read")
def test_a_file_that_opens_and_cannot_be_read():
    assert [f.code for f in check(Path("/proc/self/mem"), SHOWN).report.findings] == ["FT1303"]


def test_a_device_is_left_alone():
    assert [f.code for f in check(Path(os.devnull), SHOWN).report.findings] == ["FT1302"]


# --- what moves under our feet


def append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(fill(to=1))


def overwrite(path: Path) -> None:
    status = path.stat()
    with path.open("r+b") as stream:
        stream.write(b" ")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def replace(path: Path) -> None:
    status = path.stat()
    other = path.with_suffix(".other")
    other.write_bytes(path.read_bytes())
    other.replace(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


MOVES = [append, overwrite, replace, lambda path: os.truncate(path, 10), Path.unlink]


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("when", ["at the beginning", "at the end"])
def test_a_file_that_changes_while_it_is_read_is_no_data(file, monkeypatch, move, when):
    monkeypatch.setattr(lines, "BLOCK", 512)
    content = fill()
    file.write_bytes(content)
    at = 512 if when == "at the beginning" else len(content)

    def moved(done: int, _: int) -> None:
        if done == at:
            move(file)

    checked = check(file, SHOWN, encoding="", progress=moved)
    expected = "FT1300" if move is Path.unlink else "FT1322"
    assert [f.code for f in checked.report.findings] == [expected]
    assert (checked.report.sha256, checked.report.examples, len(checked.index.keys)) == ("", 0, 0)


def test_a_file_that_grows_beyond_the_limit_is_left_there(file):
    file.write_bytes(fill())
    grown = [append] * 3
    report = check(
        file, SHOWN, limit=file.stat().st_size, progress=lambda *_: grown.pop()(file) if grown else None
    ).report
    assert [f.code for f in report.findings] in (["FT1306"], ["FT1322"])


def test_what_goes_wrong_in_a_thread_comes_out_as_it_is(file, monkeypatch):
    def broken(texts: list[str]) -> list[int]:
        raise ZeroDivisionError("in the thread")

    file.write_bytes(fill())
    monkeypatch.setattr("ftctl.data.count.tokenizer", lambda _: lambda texts: [0] if len(texts) == 1 else broken(texts))
    with pytest.raises(ZeroDivisionError, match="in the thread"):
        check(file, SHOWN, cache=False)


def test_who_interrupts_is_obeyed(file, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 512)

    def interrupt(done: int, _: int) -> None:
        if done > 2000:
            raise KeyboardInterrupt

    file.write_bytes(fill())
    with pytest.raises(KeyboardInterrupt):
        check(file, SHOWN, progress=interrupt)


# --- what comes again


def test_copies_are_found_however_they_are_written(file):
    row = good(3, "chat")
    turned = json.dumps({key: row[key] for key in reversed(row)}, indent=None, separators=(" ,", " : "))
    escaped = json.dumps(row).replace("What", "\\u0057hat").replace("}", ', "name": null}', 1)
    report = look(file, fill(to=50) + f"{turned}\n{escaped}\n".encode())
    assert said(report) == ["51 FT1351 2 examples repeat earlier ones: line 51 (as line 4), line 52 (as line 4)"]
    assert (report.duplicates, report.sound, report.counts) == (2, 52, {"FT1351": 1})


def test_another_answer_to_a_question_contradicts(file):
    row = good(7, "chat")
    other = example(*row["messages"][:-1], say("assistant", "It is nine."))
    report = look(file, fill() + fill(other, other, to=2))
    assert said(report) == [
        "52 FT1351 1 example repeats an earlier one: line 52 (as line 51)",
        "51 FT1353 1 question is answered otherwise before: line 51 (and 8)",
    ]
    assert (report.duplicates, report.contradictions) == (1, 1)


def test_many_are_named_by_the_first_three(file):
    report = look(file, fill() * 2)
    assert said(report) == [
        "51 FT1351 50 examples repeat earlier ones: line 51 (as line 1), line 52 (as line 2), line 53 (as line 3) …"
    ]


def test_several_pairs_for_one_prompt_contradict_nothing(file):
    rows = [pair(HI, good=[say("assistant", f"Good {n}.")], bad=[say("assistant", "Bad.")]) for n in range(50)]
    assert said(look(file, fill(*rows, format="preference"), "preference")) == []


def test_reinforcement_with_another_reference_contradicts(file):
    rows = [example(HI, answer="1"), example(HI, answer="2"), example(HI, answer="2")]
    codes = look(file, fill(*rows, format="reinforcement"), "reinforcement").counts
    assert codes == {"FT1351": 1, "FT1353": 1}


def test_several_system_messages_are_told_with_their_lines(file):
    rows = [example(say("system", f"Be {how}."), HI, BYE) for how in ("brief", "kind", "rude")]
    parts = example(say("developer", [{"type": "text", "text": "Be "}, {"type": "text", "text": "rude."}]), HI, BYE)
    report = look(file, fill() + fill(*rows, parts, to=4))
    assert "there are 3 different system messages; another than the first in line 51, line 53" in str(said(report))
    assert [(one.line, one.examples) for one in report.systems] == [(1, 51), (51, 1), (53, 2)]
    assert (report.system, report.more_systems) == (None, 0)
    assert look(file, fill(*[example(HI, BYE)] * 50)).systems == ()


def test_more_system_messages_than_anybody_reads_are_still_counted(file, monkeypatch):
    monkeypatch.setattr("ftctl.data.tally.MOST_NAMES", 5)
    rows = [example(say("system", f"Be number {n % 40}."), say("user", f"Who {n}?"), BYE) for n in range(80)]
    report = look(file, fill(*rows))
    assert (len(report.systems), report.more_systems) == (5, 35)
    assert "there are 40 different system messages" in str(said(report))


def test_training_examples_in_the_validation_file_leak(tmp_path):
    train = both(tmp_path / "train", fill(to=60))
    valid = both(tmp_path / "valid", fill(*(good(number, "chat") for number in (5, 3, 3, 900))))
    found = leaks(train, both(tmp_path / "other", fill(*(good(number, "chat") for number in range(100, 150)))))
    assert found is None
    assert leaks(train, valid) is not None
    only = both(tmp_path / "only", fill(*(good(number, "chat") for number in (5, 3, 3, 900)), to=4))
    assert leaks(train, only) == Finding(
        "FT1352",
        "2 training examples stand in the validation file: line 4 (there 2), line 6 (there 1)",
        4,
        warning=True,
    )


@pytest.mark.parametrize("share", [1, 2, 7, 1 << 16])
def test_shares_change_nothing(file, monkeypatch, share):
    monkeypatch.setattr("ftctl.data.repeats._SHARE", share)
    content = fill() * 2 + fill(*(example(say("user", f"What is {n} and one?"), BYE) for n in (1, 1, 2)), to=3)
    checked = both(file, content)
    assert (checked.report.duplicates, checked.report.contradictions) == (51, 0)
    assert "line 51 (as line 1), line 52 (as line 2), line 53 (as line 3)" in str(said(checked.report))
    found = leaks(checked, checked)
    assert found is not None
    assert found.what.startswith("103 training examples")


# --- what is counted


def test_images_tools_weights_and_items_are_counted(file):
    tool = {"type": "function", "function": {"name": "track"}}
    called = [{"id": "a", "type": "function", "function": {"name": "track", "arguments": "{}"}}]
    rows = [
        example(HI, BYE | {"weight": 0}, HI, BYE | {"weight": 1}),
        example(say("user", [image(), image()]), BYE),
        example(
            HI, {"role": "assistant", "tool_calls": called}, say("tool", tool_call_id="a"), BYE, tools=[tool, tool]
        ),
    ]
    report = look(file, fill(*rows))
    assert report.weights == {"0": 1, "1": 1}
    assert (report.images, report.tools, report.tool_calls) == (2, {"track": 1}, 1)
    assert report.turns == {1: 49, 2: 1}
    assert report.roles == {"assistant": 52, "system": 47, "tool": 1, "user": 51}
    items = look(file, fill(example(HI, answer=1, hint=None), format="reinforcement"), "reinforcement").item_keys
    assert items == {"answer": 50, "hint": 1}


def test_more_pictured_examples_than_the_service_takes(file, monkeypatch):
    monkeypatch.setattr("ftctl.data.check.MOST_PICTURED", 2)
    rows = [example(say("user", [image(), image(), {"type": "text", "text": f"{n}"}]), BYE) for n in range(3)]
    assert said(look(file, fill(*rows[:2]))) == []
    assert said(look(file, fill(*rows))) == [f"0 FT1324 {SHOWN} has 3 examples with images, more than 2"]


def test_what_is_private_is_counted_and_the_first_are_kept_with_their_hashes(file, monkeypatch):
    monkeypatch.setattr(scan, "KEPT", 2)
    rows = [example(say("user", f"Write to ada.lovelace{n}@analytical.org."), BYE) for n in range(30)]
    report = look(file, fill(*rows))
    assert report.counts["FT1358"] == 30
    assert len([f for f in report.findings if f.code == "FT1358"]) == 2
    assert all("(hash " in f.what for f in report.findings if f.code == "FT1358")


ROOT = Path(__file__).parents[2]
OWN = [str(path.relative_to(ROOT)) for folder in ("specs", "examples") for path in (ROOT / folder).rglob("*.jsonl")]


@pytest.mark.parametrize("path", OWN)
def test_the_repository_s_own_data_is_sound(path):
    formats = {"dpo": "preference", "rft": "reinforcement"}
    report = check(ROOT / path, path, format=formats.get(Path(path).parts[1], "chat")).report
    assert not report.errors
    assert report.system or report.format == "reinforcement"


anything = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FORMATS = st.sampled_from(["chat", "preference", "reinforcement"])
MARK = "zebra"  # in every text of the data, in none of ours
KEYS = ["messages", "role", "content", "tools", "tool_calls", "function", "name", "type", "weight", "id", MARK]
KEYS += ["input", "preferred_output", "non_preferred_output"]
TEXTS = [MARK, "system", "user", "assistant", "tool", "function", "text", "image_url", f"{MARK}\u2603"]
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(TEXTS)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
messages = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, values)) | values, max_size=3)
examples = values | st.fixed_dictionaries({"messages": messages}, optional={"tools": values, "functions": values})


def sane(report: Report) -> None:
    for finding in report.findings:
        assert finding.code in CODES
        assert finding.what
    assert MARK not in everything(report)
    assert len(problems(report, SHOWN)) <= 21


@anything
@given(content=st.binary(max_size=300), format=FORMATS)
def test_any_bytes_are_reported_on(file, content, format):  # noqa: A002  the spec's word
    report = look(file, content, format)
    sane(report)
    assert report.errors  # ten examples do not fit into 300 bytes


@anything
@given(rows=st.lists(examples, max_size=3), junk=st.binary(max_size=20), format=FORMATS)
def test_any_json_is_reported_on_and_never_quoted(file, rows, junk, format):  # noqa: A002  the spec's word
    texts = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    sane(look(file, texts + b'{"messages": "zebra' + junk, format))


def test_progress_is_told_in_bytes(file):
    file.write_bytes(fill())
    told: list[tuple[int, int]] = []
    check(file, SHOWN, encoding="", cache=False, progress=lambda *done: told.append(done))
    assert told == [(file.stat().st_size,) * 2]


def test_an_encoding_that_there_is_not_is_a_mistake_of_the_caller(file):
    file.write_bytes(fill())
    unknown: Any = "p50k_base"
    with pytest.raises(ValueError, match="no such encoding"):
        check(file, SHOWN, encoding=unknown, cache=False)
