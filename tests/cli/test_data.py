"""`ftctl data` and the warnings of validate and plan: what they print, what they never print, and how they exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftctl.cli.data_samples import excerpt
from ftctl.core.errors import Exit
from ftctl.data.report import Finding
from tests.cli.datafiles import CANARY, edit_data, example, keep_last, write

SECRET = "AKIA" + "Q3EGPTJ4RZWK7NDB"  # of nobody; in two parts, so that no scanner takes this file for a leak
KINDS = ("text", "json", "sarif", "github")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FTCTL_CACHE_DIR", str(folder))
    monkeypatch.delenv("FTCTL_PRICES", raising=False)
    return folder


@pytest.fixture
def good(project):
    return write("train.jsonl", map(example, range(60)))


@pytest.fixture
def bad(project):
    """Errors, warnings and a secret."""
    rows = [*map(example, range(60))]
    rows[4] = f'{{"messages": [{{"role": "user", "content": "{CANARY}"'
    rows[9]["messages"][1]["role"] = "human"
    rows[20] = rows[21]
    rows[30]["messages"][1]["content"] = f"{CANARY} {SECRET} \u001b[31m"
    for row in rows[40:]:
        row["messages"][2]["weight"] = 2
    return write("train.jsonl", rows)


# --- help


@pytest.mark.parametrize("words", [[], ["lint"], ["stats"], ["diff"]])
def test_help(ftctl, golden, words):
    said = ftctl("data", *words, "--help")
    assert (said.code, said.err) == (0, "")
    assert all(len(line) <= 80 for line in said.out.splitlines())
    golden("-".join(["help-data", *words]), said.out)


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from ftctl.cli.root import run; run(['data', 'diff', '-h']); print(*sys.modules, file=sys.stderr)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = {name.partition(".")[0] for name in said.stderr.split()}
    assert loaded.isdisjoint(
        {"openai", "azure", "jsonschema", "rich", "deepdiff", "yaml", "requests", "msgspec", "toktok"}
    )


# --- lint


def test_lint_tells_every_problem_by_line(ftctl, golden, bad):
    said = ftctl("data", "lint", bad)
    assert said.code == Exit.DATA
    assert "train.jsonl:10" in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines())
    golden("data-lint", said.out)


def test_lint_for_machines(ftctl, bad):
    found = json.loads(ftctl("data", "lint", bad, "-o", "json").out)["files"][0]
    assert (found["errors"], found["counts"]["FT1310"], found["counts"]["FT1317"]) == (23, 1, 20)
    sarif = json.loads(ftctl("data", "lint", bad, "-o", "sarif").out)["runs"][0]["results"]
    levels = {one["level"] for one in sarif}
    assert levels == {"error", "warning"}
    assert {"startLine": 10, "startColumn": 1} in [
        one["locations"][0]["physicalLocation"].get("region") for one in sarif
    ]
    github = ftctl("data", "lint", bad, "-o", "github").out
    assert "::error file=train.jsonl,line=10," in github
    assert "::warning file=train.jsonl,line=31," in github


def test_what_is_capped_is_counted(ftctl, project):
    path = write("train.jsonl", [example(n) | {"tools": 1} for n in range(60)])
    said = ftctl("data", "lint", path)
    assert "and 40 more" in said.out
    assert "60 errors" in said.out
    assert "40 more of FT1312 in train.jsonl" in ftctl("data", "lint", path, "-o", "github").out


def test_warnings_alone_are_no_failure_unless_asked(ftctl, project):
    path = write("few.jsonl", map(example, range(12)))
    said = ftctl("data", "lint", path)
    assert (said.code, "warning FT1350" in said.out) == (0, True)
    assert ftctl("data", "lint", path, "--strict").code == Exit.DATA


def test_good_data_has_no_findings(ftctl, good):
    said = ftctl("data", "lint", good, "--strict")
    assert (said.code, said.out, said.err) == (0, "train.jsonl: 60 examples, nothing found\n", "")


def test_training_examples_in_the_validation_file(ftctl, good):
    valid = write("valid.jsonl", [example(3), example(700), example(5), *map(example, range(800, 810))])
    said = ftctl("data", "lint", good, "--validation", valid)
    assert said.code == 0
    assert "warning FT1352" in said.out
    assert "2 training examples" in " ".join(said.out.split())


@pytest.mark.parametrize("path", ["nowhere.jsonl", "."])
def test_a_file_that_is_none_is_told_of(ftctl, project, path):
    assert ftctl("data", "lint", path).code == Exit.DATA


# --- what must not show


def test_no_data_shows_unless_asked_for(ftctl, bad):
    write("other.jsonl", map(example, range(5, 50)))
    write("bad.jsonl", [f'{{"{CANARY}": 1}}', f'"{CANARY}"', {CANARY: CANARY}, f'{{"messages": "{CANARY}"}}', CANARY])
    for path in ("bad.jsonl", bad):
        for output in KINDS:
            said = ftctl("data", "lint", path, "-o", output)
            assert CANARY not in said.out + said.err
        for output in ("text", "json", "markdown"):
            stats = ftctl("data", "stats", path, "-o", output)
            diff = ftctl("data", "diff", path, "--against", "other.jsonl", "-o", output)
            assert CANARY not in stats.out + stats.err + diff.out + diff.err
            assert (stats.code, diff.code) == (0, 0)


def test_samples_show_data_without_secrets_and_escapes(ftctl, bad):
    said = ftctl("data", "lint", bad, "--show-samples")
    assert CANARY in said.out
    assert SECRET not in said.out
    assert "\x1b" not in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines() if "\u2502" in line)
    found = json.loads(ftctl("data", "lint", bad, "--show-samples", "-o", "json").out)["files"][0]["findings"]
    assert any(CANARY in one.get("sample", "") for one in found)
    assert SECRET not in json.dumps(found)
    assert ftctl("data", "lint", bad, "--show-samples", "-o", "github").code == Exit.USAGE


def test_an_excerpt_of_what_is_not_json_hides_long_words():
    line = f'{{"a": "{SECRET}{"x1" * 20} plain words'.encode()
    shown = excerpt(line, Finding("FT1310", "the line is not JSON", 1, 5), 60)
    assert "plain words" in excerpt(line, Finding("FT1310", "", 1, len(line)), 60)
    assert SECRET not in shown
    assert len(shown) <= 60


@given(st.binary(max_size=200), st.integers(0, 250), st.integers(20, 90))
def test_an_excerpt_of_anything_is_short_and_steers_no_terminal(line, column, width):
    shown = excerpt(line, Finding("FT1310", "messages[0].content is missing", 1, column), width)
    assert len(shown) <= width
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("messages[1].content is missing", '"hello"'),
        ("messages[7].content is missing", '{"messages": [{}, {"content": "hello"}]}'),
        ("the example has no user message", '{"messages": [{}, {"content": "hello"}]}'),
    ],
)
def test_an_excerpt_is_of_the_place_that_is_named(what, shown):
    line = b'{"messages": [{}, {"content": "hello"}]}\n'
    assert excerpt(line, Finding("FT1320", what, 1), 60) == shown


# --- stats


def test_stats(ftctl, golden, good):
    said = ftctl("data", "stats", good, "--model", "gpt-4.1-mini-2025-04-14")
    assert (said.code, said.err) == (0, "")
    assert all(len(line) <= 80 for line in said.out.splitlines())
    golden("data-stats", said.out)


def test_stats_in_ascii(golden, good):
    environ = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "80"}
    code = f"import sys; from ftctl.cli.root import run; sys.exit(run(['data', 'stats', {good!r}]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environ, check=True, timeout=60)
    assert b"\\u" not in said.stdout
    golden("data-stats-ascii", said.stdout.decode("ascii"))


def test_stats_for_machines(ftctl, good):
    found = json.loads(ftctl("data", "stats", good, "-o", "json", "--epochs", "4").out)["datasets"][0]
    tokens, training = found["tokens"], found["training"][0]
    assert (found["examples"], found["roles"]) == (60, {"assistant": 60, "system": 60, "user": 60})
    assert sum(one["examples"] for one in tokens["total"]["histogram"]) == 60
    assert tokens["total"]["least"] <= tokens["total"]["p5"] <= tokens["total"]["median"] <= tokens["total"]["p95"]
    assert training["tokens"] == 4 * tokens["total"]["total"]
    assert (training["usd"], training["price"], training["epochs_assumed"]) == (None, None, False)
    assert "first" not in found
    priced = json.loads(ftctl("data", "stats", good, "-o", "json", "--model", "gpt-4.1-mini").out)["datasets"][0][
        "training"
    ][0]
    assert priced["usd"] == pytest.approx(priced["tokens"] * 5.0 / 1e6, abs=1e-6)
    assert (priced["epochs_assumed"], priced["price"]["verified"]) == (True, False)


def test_stats_in_markdown(ftctl, golden, good):
    golden("data-stats-markdown", ftctl("data", "stats", good, "--model", "gpt-4.1-mini", "-o", "markdown").out)


def test_the_first_example_is_shown_when_asked_for(ftctl, bad):
    said = ftctl("data", "stats", bad, "--first")
    assert CANARY in said.out
    assert '"role": "system"' in said.out


def test_the_picture_is_svg_with_words(ftctl, good):
    said = ftctl("data", "stats", good, "--svg", "lengths.svg")
    assert said.err == "Drawn into lengths.svg.\n"
    root = ET.parse("lengths.svg").getroot()
    name = "{http://www.w3.org/2000/svg}"
    assert "60 examples" in root.findtext(f"{name}desc")
    assert "train.jsonl" in root.findtext(f"{name}title")
    assert len(root.findall(f".//{name}rect[@class='bar']")) > 5
    assert "prefers-color-scheme: dark" in root.findtext(f"{name}style")


def test_a_picture_is_of_one_dataset(ftctl, good):
    assert ftctl("data", "stats", good, good, "--svg", "x.svg").code == Exit.USAGE
    assert ftctl("data", "stats", good, "--svg", "no/such/x.svg").err.startswith("error FT6009: ")


def test_a_price_book_of_one_s_own(ftctl, good, monkeypatch):
    book = (
        '[[prices]]\nsource = "our contract"\ndate = "2026-11"\nverified = true\n[prices.models]\n"own" = {any = 7.0}\n'
    )
    Path("book.toml").write_text(book, encoding="utf-8")
    monkeypatch.setenv("FTCTL_PRICES", "book.toml")
    said = ftctl("data", "stats", good, "--model", "own")
    assert "at 7 USD per 1M tokens (our contract, 2026-11)" in " ".join(said.out.split())


def test_reinforcement_is_billed_by_the_hour(ftctl, project):
    rows = [{"messages": [{"role": "user", "content": f"Make {n} of 3 and 4."}], "target": n} for n in range(12)]
    path = write("rft.jsonl", rows)
    said = " ".join(
        ftctl("data", "stats", path, "--format", "reinforcement", "--model", "o4-mini-2025-04-16").out.split()
    )
    assert "Cost unknown: it is billed by the hour, at 100 USD per hour (Microsoft's documentation, 2026-03)." in said
    assert "item keys target 12" in said
    other = " ".join(ftctl("data", "stats", path, "--format", "reinforcement", "--model", "gpt-4.1").out.split())
    assert "Cost unknown: it is billed by the hour." in other


def test_a_pair_s_prompt_is_billed_twice(ftctl, project):
    side = (
        [{"role": "assistant", "content": "Yes, certainly."}],
        [{"role": "assistant", "content": "No, never at all."}],
    )
    ask = [{"role": "user", "content": "Does it start?"}]
    rows = [{"input": {"messages": ask}, "preferred_output": side[0], "non_preferred_output": side[1]}] * 12
    path = write("pairs.jsonl", rows)
    found = json.loads(ftctl("data", "stats", path, "--format", "preference", "-o", "json").out)["datasets"][0][
        "tokens"
    ]
    assert found["billed_once"] > found["total"]["total"]
    assert "as a pair's prompt counts twice" in " ".join(
        ftctl("data", "stats", path, "--format", "preference").out.split()
    )


def test_stats_of_what_cannot_be_read(ftctl, project):
    said = ftctl("data", "stats", "nowhere.jsonl", "-o", "json")
    assert (said.code, json.loads(said.out)["problems"][0]["code"]) == (Exit.DATA, "FT1300")


# --- stacks


def test_stacks_are_looked_at_by_their_datasets(ftctl):
    ftctl("init")
    edit_data()
    found = {one["dataset"]: one for one in json.loads(ftctl("data", "stats", "-o", "json").out)["datasets"]}
    assert set(found) == {"dataset/train", "dataset/valid"}
    assert [one["job"] for one in found["dataset/train"]["training"]] == ["tone"]
    assert found["dataset/valid"]["training"] == []
    lint = json.loads(ftctl("data", "lint", "-o", "json").out)["files"]
    assert [one["dataset"] for one in lint] == ["dataset/train", "dataset/valid"]
    assert "FT1352" in {one["code"] for one in lint[0]["findings"]}


def test_validate_and_plan_show_warnings_and_go_on(ftctl):
    ftctl("init")
    edit_data()
    keep_last(20)
    said = ftctl("validate")
    assert (said.code, said.out.startswith("specs/tone.yaml: valid.")) == (0, True)
    assert "warning FT1352: job/tone: " in said.err
    assert "warning FT1350: dataset/train: " in said.err
    problems = json.loads(ftctl("validate", "-o", "json").out)
    assert problems["valid"]
    assert {one["severity"] for one in problems["problems"]} == {"warning"}
    assert "dataset/train" in {one["subject"] for one in problems["problems"]}
    assert "::warning file=" in ftctl("validate", "-o", "github").out
    assert {one["level"] for one in json.loads(ftctl("validate", "-o", "sarif").out)["runs"][0]["results"]} == {
        "warning"
    }
    plan = ftctl("plan")
    assert plan.code == 0
    assert plan.err.count("dataset/train: ") == 1
    assert "see ftctl data lint specs/tone.yaml" in plan.err
    assert "FT13" not in plan.err
    assert {one["severity"] for one in json.loads(ftctl("plan", "-o", "json").out)["problems"]} == {"warning"}


def test_beside_errors_only_validate_tells_of_warnings(ftctl):
    ftctl("init")
    keep_last(20)
    path = Path("specs/data/valid.jsonl")
    path.write_text(path.read_text(encoding="utf-8") + "{\n", encoding="utf-8")  # comes before the other's warnings
    plan, validate = ftctl("plan"), ftctl("validate")
    assert (plan.code, validate.code) == (Exit.DATA, Exit.DATA)
    assert "warning FT" not in plan.err
    assert validate.err.index("error FT1310") < validate.err.index("warning FT1350")
