"""`ftctl import` at the command line: where it writes, what it says beside that, and what it refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from ftctl.embedded import local_folder
from ftctl.local.azure import Azure
from ftctl.local.identity import SUBSCRIPTION_ID

ACCOUNT = "aoai-tone"
NAMED = ("--cloud", "local", "--account", ACCOUNT)
JOB = """\
name: desk
model: gpt-4.1-mini
training_file: local:data/train.jsonl
metadata: {team: desk}
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the project is kept as it was after its one apply."""
    return tmp_path_factory.mktemp("import") / "project"


@pytest.fixture
def there(ftctl, project, kept, monkeypatch):
    """An account that a stack has made, and the stack's file moved away."""
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID", raising=False)
    if kept.exists():
        shutil.copytree(kept, project, dirs_exist_ok=True)
        return Path("lost/tone.yaml")
    ftctl("init", "lost")
    text = Path("lost/tone.yaml").read_text("utf-8")
    (account,) = re.findall(r"name: (aoai-\S+)", text)
    Path("lost/tone.yaml").write_text(text.replace(account, ACCOUNT), "utf-8")
    assert ftctl("apply", "lost", "--auto-approve").code == 0
    shutil.copytree(project, kept)
    return Path("lost/tone.yaml")


def group() -> str:
    (name,) = re.findall(r"resourceGroup: {name: ([^,]+),", Path("lost/tone.yaml").read_text("utf-8"))
    return str(name)


def stored(change, kind="account"):
    """Change what the local Azure keeps, behind its back."""
    azure = Azure(local_folder())
    for one in azure.store.all(kind):
        old = one["id"]
        change(one)
        azure.store.put(kind, one["id"], one, parent=one["id"].rpartition("/providers/")[0].lower())
        if one["id"] != old:
            azure.store.put(kind, old, one | {"id": old}, parent=old.rpartition("/providers/")[0].lower())
    azure.close()


def test_the_file_that_is_written_plans_as_it_says(ftctl, there):
    said = ftctl("import", *NAMED, "--stack", "tone", "--out", "found/tone.yaml")
    assert (said.code, said.out.startswith("Wrote found/tone.yaml: 1 account, ")) == (0, True)
    assert "Its plan is empty: " in said.err
    plan = ftctl("plan", "found", "--detailed-exitcode")
    assert (plan.code, "nothing to do" in plan.out) == (0, True)
    assert ftctl("apply", "found", "--auto-approve").code == 0
    assert ftctl("plan", str(there), "--detailed-exitcode").code == 0  # nor did it change anything for the lost one


def test_without_a_file_it_is_on_stdout_and_nothing_else_is(ftctl, there):
    said = ftctl("import", *NAMED)
    assert said.code == 0
    spec = yaml.safe_load(said.out)
    assert (spec["stack"], spec["azure"]["cloud"]) == (ACCOUNT, "local")
    assert said.out.endswith("\n")
    assert not said.out.endswith("\n\n")
    assert "account/main belongs to the stack tone, so it is only read" in said.err


def test_a_whole_arm_id_says_all(ftctl, there):
    at = f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{group()}"
    arm_id = f"{at}/providers/Microsoft.CognitiveServices/accounts/{ACCOUNT}"
    assert ftctl("import", "--cloud", "local", "--account", arm_id).code == 0
    said = ftctl("import", "--cloud", "local", "--account", at)
    assert (said.code, "FT6060" in said.err) == (64, True)


def test_a_file_is_never_written_over(ftctl, there):
    before = there.read_text("utf-8")
    said = ftctl("import", *NAMED, "--out", str(there))
    assert (said.code, "error FT6064: lost/tone.yaml exists already" in said.err) == (1, True)
    assert there.read_text("utf-8") == before


@pytest.mark.parametrize(
    ("words", "code", "exit_"),
    [
        (("import",), "FT6060", 64),
        (("import", "--account", "x"), "FT6065", 64),
        (("import", *NAMED, "--stack", "No_Stack"), "FT6066", 64),
        (("import", "--cloud", "local", "--account", "aoai-tona"), "FT6061", 1),
        (("import", *NAMED, "-g", "rg-other"), "FT6061", 1),
    ],
)
def test_what_is_not_said_is_asked_for(ftctl, there, words, code, exit_):
    said = ftctl(*words)
    assert (said.code, f"error {code}" in said.err, said.out) == (exit_, True, "")
    if code == "FT6061" and "-g" not in words:
        assert f'Did you mean "{ACCOUNT}"?' in said.err


def test_an_account_that_trains_nothing_is_refused(ftctl, there):
    stored(lambda one: one.update(kind="TextAnalytics"))
    said = ftctl("import", *NAMED)
    assert (said.code, "error FT6063" in said.err, said.out) == (1, True, "")


def test_one_name_in_two_groups_is_asked_for(ftctl, there):
    stored(lambda one: one.update(id=one["id"].replace("/resourceGroups/", "/resourceGroups/other-")))
    said = ftctl("import", *NAMED)
    assert (said.code, "FT6062" in said.err, "other-" in said.err) == (64, True, True)


def test_what_would_be_refused_is_not_written(ftctl, there):
    stored(lambda one: one["tags"].update({"x": "y " * 500_001}))
    said = ftctl("import", *NAMED, "--out", "found.yaml")
    assert (said.code, "error FT6067" in said.err, "FT1002" in said.err) == (1, True, True)
    assert not Path("found.yaml").exists()


def test_a_job_file_of_azd_trains_on_the_account_that_is_named(ftctl, there):
    Path("azd").mkdir()
    Path("azd/data").symlink_to(Path("lost/data").resolve())
    Path("azd/job.yaml").write_text(JOB, "utf-8")
    place = ("-g", group(), "--location", "swedencentral", "--subscription", SUBSCRIPTION_ID)
    said = ftctl("import", "azd/job.yaml", *NAMED, *place, "--out", "found/desk.yaml")
    assert (said.code, said.out) == (0, "Wrote found/desk.yaml: 1 account, 1 dataset, 1 job.\n")
    assert "warning FT1465" in said.err
    assert "warning FT1461" in said.err
    assert "at azd/job.yaml:4:1" in said.err
    assert ftctl("validate", "found").code == 0
    plan = ftctl("plan", "found")
    assert plan.code == 0
    assert "train job/desk" in plan.out


def test_a_job_file_that_cannot_be_read_leaves_nothing(ftctl, project):
    Path("job.yaml").write_text("model: 7\ntraining_file: local:x\n", "utf-8")
    said = ftctl("import", "job.yaml", "--out", "found.yaml")
    assert (said.code, "error FT1463" in said.err, "at job.yaml:1:8" in said.err) == (65, True, True)
    assert not Path("found.yaml").exists()
