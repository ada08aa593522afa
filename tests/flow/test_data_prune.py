"""`ftctl data prune`: what nothing needs goes, after it was shown; all else stays."""

from __future__ import annotations

import json
from copy import deepcopy

import pytest
import yaml

from ftctl.cli.root import run
from ftctl.core.errors import Exit
from ftctl.kinds.files import Holding, unneeded
from ftctl.local.azure import Settings

from .conftest import examples


@pytest.fixture(autouse=True)
def only_data(lab):
    lab.spec |= {"datasets": {"train": {"path": "train.jsonl"}}, "jobs": {}, "deployments": {}}


def spare(lab, *specs) -> list[str]:
    """The names that the stacks gave to what can go."""
    from ftctl import workflow  # noqa: PLC0415

    holdings = []
    for spec in specs or (lab.spec,):
        lab.spec = spec
        stack = lab.stack()
        with lab.clients() as clients:
            holdings.append(Holding(stack.home, stack.resources, workflow.observe(stack, clients), stack.removed))
    return [live.label for live in unneeded(holdings)]


def superseded(lab) -> dict:
    """A stack whose data was changed once: the first file is history."""
    lab.apply()
    lab.data("train", examples(20, "modem"))
    lab.clock.advance(86_400)
    lab.apply()
    return lab.spec


def test_what_was_superseded_can_go_and_what_is_declared_stays(lab):
    superseded(lab)
    assert spare(lab) == ["train"]
    lab.data("train", examples())  # as it was: then the newer one is not needed
    assert spare(lab) == ["train"]
    lab.spec["datasets"] = {}
    assert spare(lab) == ["train", "train"]


def test_what_an_unfinished_job_learns_from_stays(lab):
    lab.spec["jobs"] = {"tone": {"model": "gpt-4.1-mini-2025-04-14", "training": "train", "seed": 1}}
    lab.spec["datasets"]["valid"] = {"path": "valid.jsonl"}
    lab.spec["jobs"]["tone"]["validation"] = "valid"
    lab.azure.settings = Settings(pace=1)
    for _ in range(60):
        lab.apply(wait=0.0)
        if lab.stored("job"):
            break
        lab.clock.advance(20)
    lab.spec |= {"datasets": {}, "jobs": {}}
    assert spare(lab) == []
    lab.clock.advance(30 * 86_400)
    assert sorted(spare(lab)) == ["train", "valid"]


def test_files_of_others_and_of_nobody_stay(lab):
    lab.apply()
    (file,) = lab.stored("file")
    store = lab.azure.store
    store.put("file", file["id"], file | {"filename": "by-hand.jsonl"}, parent=file["_account"])
    lab.spec["datasets"] = {}
    assert spare(lab) == []
    other = file["filename"].replace("--tone--", "--other--")
    store.put("file", file["id"], file | {"filename": other}, parent=file["_account"])
    assert spare(lab) == []


def test_what_the_service_still_checks_stays(lab):
    superseded(lab)
    for file in lab.stored("file"):
        checked = file | {"_ready_at": lab.azure.moment() + 60}
        lab.azure.store.put("file", file["id"], checked, parent=file["_account"])
    assert spare(lab) == []


def test_of_two_files_of_one_content_the_better_stays(lab):
    lab.apply()
    (file,) = lab.stored("file")
    worse = file | {
        "id": "file-worse",
        "created_at": 1,
        "_problem": "odd",
        "filename": file["filename"].replace("train", "x"),
    }
    lab.azure.store.put("file", worse["id"], worse, parent=file["_account"])
    assert spare(lab) == ["x"]


def test_a_file_that_another_of_the_stacks_declares_stays(lab):
    lab.apply()
    owner, guest = deepcopy(lab.spec), deepcopy(lab.spec)
    guest |= {"stack": "guest", "roleAssignments": {}}
    guest["azure"]["resourceGroup"] = "rg-tone"
    guest["resources"]["main"]["manage"] = "reference"
    owner["datasets"] = {}
    assert spare(lab, owner, guest) == []
    assert spare(lab, owner) == ["train"]


def test_a_file_of_what_was_removed_to_be_kept_stays(lab):
    superseded(lab)
    del lab.spec["datasets"]["train"]
    assert len(spare(lab)) == 2
    lab.spec["removed"] = [{"from": "dataset/train", "keep": True}]
    assert spare(lab) == []


def test_a_file_that_is_declared_by_its_id_stays(lab):
    lab.apply()
    lab.spec["datasets"] = {"named": {"fileId": lab.stored("file")[0]["id"]}}
    assert spare(lab) == []


# --- the command


@pytest.fixture
def shell(lab, tmp_path, monkeypatch):
    """The command line on a local Azure in a folder, with a superseded file in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTCTL_LOCAL_DIR", str(tmp_path / "local"))
    monkeypatch.setenv("NO_COLOR", "1")
    lab.spec["roleAssignments"]["engineers"]["principal"] = {"group": "ml-engineers"}
    (tmp_path / "stack.yaml").write_text(yaml.safe_dump(lab.spec))
    assert run(["apply", "stack.yaml", "--auto-approve"]) == 0
    lab.data("train", examples(20, "modem"))
    assert run(["apply", "stack.yaml", "--auto-approve"]) == 0
    return lambda *more: run(["data", "prune", "stack.yaml", *more])


def files(capsys, shell) -> list[dict]:
    capsys.readouterr()
    assert shell("--dry-run", "-o", "json") == 0
    return json.loads(capsys.readouterr().out)["files"]


def test_a_dry_run_shows_and_changes_nothing(shell, capsys):
    capsys.readouterr()
    assert shell("--dry-run") == 0
    out = capsys.readouterr().out
    (file,) = files(capsys, shell)
    assert file["id"] in out
    assert "tone/train" in out
    assert "1 file, " in out
    assert (file["stack"], file["dataset"], file["deleted"]) == ("tone", "train", False)
    assert file["bytes"] > 1000
    assert file["age_seconds"] >= 0


def test_without_a_terminal_it_says_so(shell, capsys):
    assert shell() == Exit.USAGE
    assert "--dry-run" in capsys.readouterr().err
    assert len(files(capsys, shell)) == 1


@pytest.mark.parametrize(("answer", "code", "left"), [("yes", 0, 0), ("y", Exit.ERROR, 1), ("", Exit.ERROR, 1)])
def test_it_asks(shell, capsys, monkeypatch, answer, code, left):
    monkeypatch.setattr("ftctl.cli.data_prune.interactive", lambda: True)
    monkeypatch.setattr("ftctl.cli.data_prune.ask", lambda question: answer)
    assert shell() == code
    assert len(files(capsys, shell)) == left


def test_approved_before(shell, capsys):
    capsys.readouterr()
    assert shell("--auto-approve") == 0
    assert "Deleted 1 file." in capsys.readouterr().out
    assert files(capsys, shell) == []
    assert shell("--auto-approve") == 0
    assert "is needed by a dataset" in capsys.readouterr().out
    assert run(["plan", "stack.yaml", "--detailed-exitcode"]) == 0


def test_a_machine_gets_a_document(shell, capsys):
    capsys.readouterr()
    assert shell("-o", "json") == Exit.USAGE
    assert json.loads(capsys.readouterr().out)["problems"][0]["code"] == "FT3103"
    assert shell("--auto-approve", "-o", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [file["deleted"] for file in document["files"]] == [True]
    assert document["problems"] == []


def test_one_that_cannot_be_deleted_keeps_no_other_from_it(lab, shell, capsys):
    lab.data("train", examples(21, "scanner"))
    assert run(["apply", "stack.yaml", "--auto-approve"]) == 0
    assert run(["local", "faults", "add", "refuse", "--status", "409", "--route", "files.delete", "--times", "1"]) == 0
    assert shell("--auto-approve") == Exit.PARTIAL
    assert "Deleted 1 file." in capsys.readouterr().out
    assert len(files(capsys, shell)) == 1


def test_where_jobs_cannot_be_seen_nothing_is_deleted(shell, capsys):
    """An unseen job may need any of the files."""
    deny = ["refuse", "--status", "401", "--code", "PermissionDenied", "--route", "jobs.list_all"]
    assert run(["local", "faults", "add", *deny]) == 0
    assert shell("--auto-approve") == Exit.PERMISSION
    assert run(["local", "faults", "clear"]) == 0
    assert len(files(capsys, shell)) == 1
