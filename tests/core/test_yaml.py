"""YAML in: what every kind of broken file is told, and that positions and scalars are right in the others."""

from __future__ import annotations

import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl.core.codes.spec import CODES
from ftctl.spec.scalars import core_scalar
from ftctl.spec.yamltree import MAX_BYTES, parse

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (new, new, b",".join([b"*%c" % old] * 10)) for old, new in zip(b"abcd", b"bcde", strict=True)
)

BAD = {
    "too-large": (b"#" * (MAX_BYTES + 1), ["FT1002 1:1"]),
    "latin-1": (b"a: 1\nb: gr\xfc\xdfe\n", ["FT1003 2:6"]),
    "utf-16": ("a: 1".encode("utf-16"), ["FT1003 1:1"]),
    "cut-in-a-character": ("a: ü".encode()[:-1], ["FT1003 1:4"]),
    "nul": (b"a: 1\r\nb: x\x00\x00y\n", ["FT1004 2:5"]),
    "escape-character": (b"a: \x1b[31m", ["FT1004 1:4"]),
    "colon-in-text": (b"a: b: c", ["FT1005 1:5"]),
    "open-quote": (b"a: 'b\n", ["FT1005 1:4"]),
    "open-bracket": (b"a: [b\nc: d\n", ["FT1005 2:2"]),
    "unquoted-variable-in-braces": (b"a: {b: ${c}}", ["FT1005 1:9"]),
    "bad-escape": (b'a: "\\q"', ["FT1005 1:5"]),
    "no-such-character": (b'a: "\\U00110000"', ["FT1005 1:7"]),
    "tab-after-a-value": (b"a: 1\n\tb: 2\n", ["FT1006 2:1"]),
    "tab-before-a-list": (b"a:\n  \t- b\n", ["FT1006 2:3"]),
    "lists-64-deep": (b"[" * 1000, ["FT1007 1:65"]),
    "maps-64-deep": (b"{a: " * 70, ["FT1007 1:257"]),
    "deep-by-aliases": (
        b"a: &a " + b"[" * 40 + b"]" * 40 + b"\nb: " + b"[" * 40 + b"*a" + b"]" * 40,
        ["FT1007 2:44"],
    ),
    "unknown-alias": (b"a: &one 1\nb: *ono\n", ["FT1008 2:4"]),
    "alias-in-itself": (b"a: &a {b: [*a]}", ["FT1009 1:12"]),
    "alias-bomb": (BOMB, ["FT1010 4:29"]),
    "two-documents": (b"a: 1\n---\nb: 2\n", ["FT1011 2:1"]),
    "tags": (b"a: !!str 1\nb: ! 2\nc: !x {d: !y [1]}\n", ["FT1012 1:4", "FT1012 2:4", "FT1012 3:4", "FT1012 3:11"]),
    "directive": (b"%YAML 1.1\n---\na: 1\n", ["FT1012 1:1"]),
    "merge-key": (b"a: &a {b: 1}\nc:\n  <<: *a\n  d: 2\n", ["FT1013 3:3"]),
    "list-as-key": (b"? [a, {b: c}]\n: 1\nd: 2\nd: 3\n", ["FT1014 1:3", "FT1015 4:1"]),
    "alias-as-key": (b"a: &a b\n*a : 1\n", ["FT1014 2:1"]),
    "nothing-as-key": (b"a: 1\n? \n: 2\n", ["FT1014 2:2"]),
    "key-twice": (b"a: 1\nb: {c: 1, d: 2, 'c': 3}\na: 2\n", ["FT1015 2:17", "FT1015 3:1"]),
    "number-as-key-twice": (b'1: a\n"1": b\n', ["FT1015 2:1"]),
    "empty": (b"", ["FT1016 1:1"]),
    "comments-alone": (b"# nothing\n\n", ["FT1016 1:1"]),
    "null": (b"---\n...\n", ["FT1016 1:1"]),
    "byte-order-mark-alone": (b"\xef\xbb\xbf", ["FT1016 1:1"]),
    "a-list": (b"- a\n- b\n", ["FT1017 1:1"]),
    "a-text": (b"\n  just text\n", ["FT1017 2:3"]),
}


def found(data: bytes) -> list[str]:
    return [f"{one.code} {one.where.line}:{one.where.column}" for one in parse(data, "s.yaml")[1] if one.where]


@pytest.mark.parametrize("name", BAD)
def test_a_broken_file_is_told_where_and_what(name):
    data, expected = BAD[name]
    assert found(data) == expected


@pytest.mark.parametrize("name", BAD)
def test_the_pure_parser_finds_the_same_kind_of_trouble(name, monkeypatch):
    monkeypatch.delattr(yaml, "CSafeLoader")
    data, expected = BAD[name]
    assert [one.split()[0] for one in found(data)] == [one.split()[0] for one in expected]


def test_every_code_of_the_yaml_stage_is_reached():
    reached = {one.split()[0] for _, expected in BAD.values() for one in expected}
    in_load = {"FT1000", "FT1001"}  # the file itself: test_spec
    assert reached == {code for code in CODES if code < "FT1040"} - in_load


def test_problems_say_why_and_how_to_mend_it():
    for data, _ in BAD.values():
        for one in parse(data, "s.yaml")[1]:
            assert one.what
            assert one.why
            assert one.fix


def test_the_usual_slips_have_a_fix_of_their_own():
    (variable,) = parse(b"a: {b: ${c}}", "s.yaml")[1]
    assert '"${capacity}"' in variable.fix
    (alias,) = parse(b"a: &one 1\nb: *ono\n", "s.yaml")[1]
    assert 'Did you mean "one"?' in alias.fix
    (twice,) = parse(b"a: 1\na: 2\n", "s.yaml")[1]
    assert "line 1, column 1" in twice.what


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"),
        ("true", True), ("FALSE", False), ("yes", "yes"), ("NO", "NO"), ("on", "on"),
        ("0", 0), ("-12", -12), ("+12", 12), ("017", 17), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"),
        ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("-1.E-2", -0.01), ("1e999", "1e999"), (".inf", ".inf"),
        (".nan", ".nan"), ("12:30:45", "12:30:45"), ("2024-07-18", "2024-07-18"), ("0x", "0x"), ("٣", "٣"),
        ("9" * 64, "9" * 64), ("9" * 5000, "9" * 5000), ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"),
    ],
)  # fmt: skip
def test_scalars_follow_yaml_1_2(text, value):
    assert core_scalar(text) == value
    assert type(core_scalar(text)) is type(value)


def test_quoted_and_block_scalars_are_text():
    document, problems = parse(b"a: \"1\"\nb: '~'\nc: |\n  2\nd: 3\n", "s.yaml")
    assert not problems
    assert document.root.plain() == {"a": "1", "b": "~", "c": "2\n", "d": 3}


def test_every_key_and_value_knows_its_place():
    text = "한국: 1\na:\n  - b: x\n    ü: [1, {c: y}]\nlast:\n"
    document, problems = parse(b"\xef\xbb\xbf" + text.encode(), "dir/s.yaml")
    assert not problems
    assert {path: str(document.where(path)) for path, _ in document.root.walk()} == {
        (): "dir/s.yaml:1:1",
        ("한국",): "dir/s.yaml:1:5",
        ("a",): "dir/s.yaml:3:3",
        ("a", 0): "dir/s.yaml:3:5",
        ("a", 0, "b"): "dir/s.yaml:3:8",
        ("a", 0, "ü"): "dir/s.yaml:4:8",
        ("a", 0, "ü", 0): "dir/s.yaml:4:9",
        ("a", 0, "ü", 1): "dir/s.yaml:4:12",
        ("a", 0, "ü", 1, "c"): "dir/s.yaml:4:16",
        ("last",): "dir/s.yaml:5:1",
    }
    assert str(document.where_key(("a", 0, "ü"))) == "dir/s.yaml:4:5"


def test_an_alias_repeats_a_value_and_is_placed_where_it_stands():
    document, problems = parse(b"a: &a {x: 1}\nb: *a\n", "s.yaml")
    assert not problems
    assert document.root.plain() == {"a": {"x": 1}, "b": {"x": 1}}
    assert document.where(("b",)).line == 2
    assert document.where(("b", "x")).line == 1


def test_what_is_wrong_inside_a_dropped_value_is_told_too():
    assert found(b"a: 1\na: {b: 1, b: !x 2}\n") == ["FT1015 2:1", "FT1015 2:11", "FT1012 2:14"]


def test_a_control_character_in_a_key_does_not_reach_the_terminal():
    (problem,) = parse(b'"\\e[31m": 1\n"\\e[31m": 2\n', "s.yaml")[1]
    assert "\x1b" not in problem.what


SIGNS = "{}[],'\"\\#%\t\n\r\x00\x85\u2028ü\U0001f600"
TOKENS = [*SIGNS, "a", "b: ", ": ", "- ", "\n  ", "&x ", "*x", "!t ", "|\n", ">-\n", "? ", "---\n", "<<: ", "${v}", "1"]
YAMLISH = st.lists(st.sampled_from(TOKENS), max_size=40).map(lambda parts: "".join(parts).encode())


@pytest.mark.parametrize("loader", ["C", "pure"])
@settings(max_examples=100, deadline=None)
@given(data=st.one_of(st.binary(max_size=80), YAMLISH))
def test_no_bytes_make_it_fail(loader, data):
    with pytest.MonkeyPatch.context() as patch:
        if loader == "pure":
            patch.delattr(yaml, "CSafeLoader")
        document, problems = parse(data, "s.yaml")
    assert document or problems
    assert all(one.code in CODES and one.where and one.where.line for one in problems)
    if document:
        assert isinstance(document.root.plain(), dict)


def test_a_million_brackets_are_refused_without_recursion():
    assert sys.getrecursionlimit() < MAX_BYTES
    assert found(b"[" * MAX_BYTES) == ["FT1007 1:65"]
