"""Faults and settings from the command line: kept in the folder, obeyed by whoever serves it."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from ftctl.cli import local_faults
from ftctl.core.errors import Exit
from ftctl.embedded import local_folder
from ftctl.local import faults
from ftctl.local.azure import Azure, Settings


def rules():
    azure = Azure(local_folder())
    known = faults.rules(azure.store)
    azure.close()
    return known


def test_a_rule_is_added_listed_and_forgotten(ftctl):
    assert ftctl("local", "faults").out == "There are no faults by rule.\n"
    added = ftctl("local", "faults", "add", "throttle", "--route", "files.*", "--nth", "3", "--retry-after", "2")
    assert added.out == "1  throttle  route=files.*  nth=3  retry_after=2.0  (seen 0, failed 0)\n"
    assert ftctl("local", "faults", "add", "job", "training", "--times", "1").code == 0
    assert [(one.fault, one.failure) for one in rules()] == [("throttle", ""), ("", "training")]
    listed = json.loads(ftctl("local", "faults", "-o", "json").out)["faults"]
    assert listed[1] == {"failure": "training", "times": 1, "id": "2", "seen": 0, "fired": 0}
    assert ftctl("local", "faults", "clear").out == "2 rules forgotten.\n"
    assert rules() == []


def test_before_and_after_are_kept(ftctl):
    for flags in ([], ["--before"], ["--after"]):
        assert ftctl("local", "faults", "add", "error", *flags).code == 0
    assert [one.after for one in rules()] == [None, False, True]


@pytest.mark.parametrize("name", ["rules.yaml", "rules.json"])
def test_a_file_of_rules_is_loaded(ftctl, project, name):
    text = "faults:\n- {fault: slow, seconds: 0.5, path: '*/files'}\n- {failure: data, model: gpt-4.1-*}\n"
    if name.endswith("json"):
        text = json.dumps({"faults": [{"fault": "slow", "seconds": 0.5, "path": "*/files"}, {"failure": "data"}]})
    (project / name).write_text(text)
    assert ftctl("local", "faults", "load", name).code == 0
    assert [(one.fault, one.seconds, one.failure) for one in rules()] == [("slow", 0.5, ""), ("", None, "data")]


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("faults:\n- {fault: slow}\n- {fault: explode}\n", "FT5008", "rule 2: `fault` is one of"),
        ("faults: {fault: slow}\n", "FT5008", "not `faults:` and a list"),
        ("faults: []\nmore: 1\n", "FT5008", "not `faults:` and a list"),
        ("- fault: slow\n", "FT1017", "a list stands where"),
        ("faults: [\n", "FT1005", ""),
        (None, "FT5008", "cannot be read"),
    ],
)
def test_a_wrong_file_adds_nothing(ftctl, project, text, code, hint):
    if text is not None:
        (project / "rules.yaml").write_text(text)
    said = ftctl("local", "faults", "load", "rules.yaml")
    assert said.code != 0
    assert said.err.startswith(f"error {code}: ")
    assert hint in " ".join(said.err.split())
    assert rules() == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["add", "explode"], "FT6002"),
        (["add", "job"], "FT6002"),
        (["add", "slow", "training"], "FT6002"),
        (["add", "error", "--status", "200"], "FT5008"),
        (["add", "refuse"], "FT5008"),
        (["add", "job", "data", "--path", "x"], "FT5008"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_told(ftctl, words, code):
    said = ftctl("local", "faults", *words)
    assert (said.code, said.out) == (Exit.USAGE, "")
    assert said.err.startswith(f"error {code}: ")


def test_settings_are_shown_and_changed(ftctl):
    first = json.loads(ftctl("local", "settings", "-o", "json").out)
    assert first == asdict(Settings(pace=100_000)) | {"import_hosts": []}
    changed = ftctl("local", "settings", "--propagation", "5m", "--answer", "2m", "--flap", "4", "--faithful")
    assert {"propagation_seconds  300", "flap                 4", "faithful             yes"} < set(
        changed.out.splitlines()
    )
    hosts = ftctl("local", "settings", "--import-host", "data.example", "--import-host", "other.example").out
    assert "import_hosts         data.example, other.example" in hosts.splitlines()
    back = json.loads(ftctl("local", "settings", "--propagation", "0", "--convenient", "-o", "json").out)
    assert (back["propagation_seconds"], back["answer_seconds"], back["faithful"]) == (0, 120, False)
    assert ftctl("local", "settings", "--answer", "soon").code == Exit.USAGE


def test_the_words_are_those_of_the_server():
    assert (local_faults._CALL_FAULTS, local_faults._JOB_FAILURES) == (faults.FAULTS, faults.FAILURES)
