"""The GitOps kit for GitHub, run step by step on a local Azure: from a pull request to Azure, and what is refused."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from actions import Job, Machine, Run, composite, load, run_workflow
from lab import OTHERS, ROOT, Arm, LocalAzure, bare_environment, ftctl, installed

KIT = ROOT / "examples" / "gitops"
WORKFLOWS = KIT / "github" / "workflows"
REPOSITORY = "contoso/models"
VARIABLES = {"AZURE_READER_CLIENT_ID": "reader", "AZURE_CLIENT_ID": "writer", "AZURE_TENANT_ID": "tenant"}
MARK = "<!-- ftctl:plan"
pytestmark = pytest.mark.others


@pytest.fixture(scope="module")
def tools() -> Path:
    return installed(OTHERS / "gitops" / "installed").with_name("bin")


@dataclass
class GitHub:
    """A repository with its pull requests, whose workflows run here against a local Azure; `gh` is a stand-in."""

    folder: Path
    azure: LocalAzure
    machine: Machine

    def __post_init__(self) -> None:
        self.save(
            {
                "repository": REPOSITORY,
                **{name: [] for name in ("pulls", "comments", "issues", "artifacts", "repository_labels")},
                **{name: {} for name in ("labels", "runs")},
            }
        )

    @property
    def state(self) -> dict:
        return json.loads((self.folder / "state.json").read_text("utf-8"))

    def save(self, state: Mapping) -> None:
        (self.folder / "state.json").write_text(json.dumps(state), encoding="utf-8")

    def tree(self, sha: str) -> Path:
        return self.folder / "trees" / sha

    def commit(self, sha: str, before: str = "", after: str = "", base: str = "main0") -> str:
        """A commit whose spec has other text than its base."""
        shutil.copytree(self.tree(base), self.tree(sha))
        (spec,) = self.tree(sha).glob("specs/*.yaml")
        text = spec.read_text("utf-8")
        assert not before or before in text
        spec.write_text(text.replace(before, after) if before else text, encoding="utf-8")
        return sha

    def push(self, number: int, sha: str, owner: str = "contoso") -> tuple[Run, Run]:
        """A push to a pull request: it is planned, and its review follows from main."""
        state, repository = self.state, f"{owner}/models"
        state["pulls"] = [one for one in state["pulls"] if one["number"] != number]
        head = {"sha": sha, "label": f"{owner}:change-{number}", "repo": {"full_name": repository}}
        pull = {"number": number, "state": "open", "head": head, "base": {"ref": "main"}}
        state["pulls"].append(pull | {"merged_at": None, "merge_commit_sha": None})
        self.save(state)
        planned, run = self.run("ftctl-plan", "pull_request", sha, {"pull_request": pull})
        owned = {"full_name": repository, "owner": {"login": owner}}
        told = {"event": "pull_request", "conclusion": planned.conclusion, "head_sha": sha, "id": run}
        told |= {"head_branch": f"change-{number}", "head_repository": owned, "html_url": f"https://github/{run}"}
        return planned, self.run("ftctl-review", "workflow_run", "main0", {"workflow_run": told})[0]

    def merge(self, number: int, sha: str) -> Run:
        """Squash and merge: main gets the content in a commit of its own."""
        state = self.state
        (pull,) = [one for one in state["pulls"] if one["number"] == number]
        pull |= {"state": "closed", "merged_at": "now", "merge_commit_sha": sha}
        self.save(state)
        if not self.tree(sha).exists():
            shutil.copytree(self.tree(pull["head"]["sha"]), self.tree(sha))
        return self.run("ftctl-apply", "push", sha, {})[0]

    def run(self, name: str, event: str, sha: str, payload: Mapping) -> tuple[Run, int]:
        state = self.state
        run = 1000 + len(state["runs"])
        state["runs"][str(run)] = {"event": event, "path": f".github/workflows/{name}.yml"}
        self.save(state)
        github = {
            "repository": REPOSITORY,
            "event_name": event,
            "event": payload,
            "sha": sha,
            "ref": "refs/heads/main",
            "run_id": run,
            "token": "job-token",
            "server_url": "https://github",
        }
        return run_workflow(WORKFLOWS / f"{name}.yml", self.machine, github, VARIABLES), run

    def plan_comment(self, number: int) -> dict:
        (one,) = [one for one in self.state["comments"] if one["issue"] == number and one["body"].startswith(MARK)]
        return one

    # --- what `uses` means

    def checkout(self, job: Job, given: Mapping[str, str]) -> None:
        assert given == {"persist-credentials": "false"}
        shutil.copytree(self.tree(self._head(job)), job.folder, dirs_exist_ok=True)

    def _head(self, job: Job) -> str:
        github = job.contexts["github"]
        return github["event"].get("pull_request", {}).get("head", {}).get("sha") or github["sha"]

    def upload(self, job: Job, given: Mapping[str, str]) -> None:
        state, run = self.state, job.contexts["github"]["run_id"]
        number = len(state["artifacts"]) + 1
        path, target = job.folder / given["path"], self.folder / "artifacts" / str(number)
        target.mkdir(parents=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy(path, target)
        made = {"id": number, "name": given["name"], "expired": False, "created_at": f"{number:04}"}
        state["artifacts"].append(made | {"workflow_run": {"id": run}})
        self.save(state)

    def download(self, job: Job, given: Mapping[str, str]) -> None:
        run = job.contexts["github"]["run_id"]
        (one,) = [
            one for one in self.state["artifacts"] if one["name"] == given["name"] and one["workflow_run"]["id"] == run
        ]
        shutil.copytree(self.folder / "artifacts" / str(one["id"]), job.folder, dirs_exist_ok=True)


def _programs(folder: Path, tools: Path) -> Path:
    """What the scripts call: `ftctl` as it is here, the stand-in for gh, and a python that installs nothing."""
    folder.mkdir()
    pip = f'if [ "$1 $2" = "-m pip" ]; then echo "$@" >>{folder}/pip.txt; exit; fi; exec {sys.executable} "$@"'
    programs = {
        "ftctl": f'exec {sys.executable} -m ftctl "$@"',
        "gh": f'exec {tools / "python"} {Path(__file__).with_name("fake_gh.py")} "$@"',
        "python": pip,
    }
    for name, line in programs.items():
        (folder / name).write_text(f"#!/bin/bash\n{line}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """A local Azure on which main's spec was applied, to be copied."""
    folder = tmp_path_factory.mktemp("applied")
    shutil.copytree(ROOT / "specs", folder / "main0" / "specs")
    ftctl(folder / "local", "local", "up", "--detach", "--pace", "100000")
    try:
        ftctl(folder / "local", "apply", str(folder / "main0" / "specs"), "--auto-approve")
    finally:
        ftctl(folder / "local", "local", "down")
    return folder


@pytest.fixture
def github(applied, tools, tmp_path):
    local, home = tmp_path / "local", tmp_path / "github"
    shutil.copytree(applied / "local", local)
    shutil.copytree(applied / "main0", home / "trees" / "main0")
    ftctl(local, "local", "up", "--detach", "--pace", "100000")
    programs = _programs(tmp_path / "programs", tools)
    environment = {
        name: value for name, value in bare_environment().items() if not name.startswith(("GITHUB_", "GH_", "ACTIONS_"))
    }
    environment |= {
        "PATH": f"{programs}:{environment['PATH']}",
        "PYTHONPATH": str(ROOT),
        "FTCTL_LOCAL_DIR": str(local),
        "FAKE_GITHUB": str(home),
    }
    env = json.loads(ftctl(local, "local", "env", "--output", "json"))
    azure = LocalAzure(local, env["AZURE_AUTHORITY_HOST"], local / "ca.pem", env)
    found = GitHub(home, azure, Machine(tmp_path / "jobs", environment, {}))
    found.machine.actions = {
        "actions/checkout": found.checkout,
        "actions/setup-python": lambda job, given: None,
        "actions/upload-artifact": found.upload,
        "actions/download-artifact": found.download,
        "your-org/ftctl/examples/gitops": composite(KIT / "action.yml"),
    }
    yield found
    ftctl(local, "local", "down")


def test_from_a_pull_request_to_azure(github):
    github.commit("aaa1", "capacity: 50 ", "capacity: 60 ")
    planned, review = github.push(7, "aaa1")
    assert (planned.conclusion, review.conclusion) == ("success", "success"), planned.log + review.log
    first = github.plan_comment(7)
    assert first["body"].splitlines()[0] == "<!-- ftctl:plan:support-tone -->"
    assert "0 to train, 0 to re-point" in first["body"]
    assert "<code>50</code> → <code>60</code>" in first["body"]
    assert github.state["labels"]["7"] == ["ftctl:in-place"]
    assert planned.jobs["plan"].summary == first["body"]
    pip = (github.folder.parent / "programs" / "pip.txt").read_text("utf-8").splitlines()
    assert {line.split(" -r ")[0] for line in pip[::2]} == {"-m pip install --quiet --require-hashes"}
    assert Path(pip[0].split(" -r ")[1]).resolve() == ROOT / "requirements.lock"

    github.commit("aaa2", "seed: 105", "seed: 106", base="aaa1")  # a second push: the same comment says it
    _, review = github.push(7, "aaa2")
    assert review.conclusion == "success", review.log
    second = github.plan_comment(7)
    assert (second["id"], second["edits"]) == (first["id"], 1)
    assert "1 to train" in second["body"]
    assert github.state["labels"]["7"] == ["ftctl:re-point", "ftctl:train"]

    applied = github.merge(7, "main1")
    assert applied.conclusion == "success", applied.log
    assert [applied.result(name) for name in ("approved", "apply", "tell")] == ["success", "success", "skipped"]
    assert "support-tone: 1 created, 1 updated, 0 deleted" in applied.log
    assert applied.outputs["approved"]["digest"] in second["body"]

    again = github.merge(7, "main1")  # the run is run again: nothing is left to do, so that is not what was approved
    assert again.conclusion == "failure"
    assert "FT3101" in again.log


def test_what_changed_after_the_approval_is_refused(github):
    github.commit("bbb1", "capacity: 50 ", "capacity: 60 ")
    assert github.push(8, "bbb1")[1].conclusion == "success"
    github.commit("main1", "capacity: 50 ", "capacity: 80 ")  # what is merged is not what was planned
    applied = github.merge(8, "main1")
    assert [applied.result(name) for name in ("approved", "apply", "tell")] == ["success", "failure", "success"]
    assert "FT3101" in applied.log
    assert "capacity" in applied.jobs["apply"].summary  # what there is to do now
    assert "<code>80</code>" in applied.jobs["apply"].summary
    told = [one["body"] for one in github.state["comments"] if not one["body"].startswith(MARK)]
    assert len(told) == 1
    assert "This merge was not applied, or not whole: [the run](https://github/contoso/models/actions/runs/" in told[0]

    digest = applied.jobs["apply"].summary.split("Digest: <code>")[1][:64]
    by_hand, _ = github.run("ftctl-apply", "workflow_dispatch", "main1", {"inputs": {"digest": digest}})
    assert by_hand.conclusion == "success", by_hand.log
    assert "0 created, 1 updated" in by_hand.log
    bad, _ = github.run("ftctl-apply", "workflow_dispatch", "main1", {"inputs": {"digest": "$(touch /tmp/x)"}})
    assert [bad.result(name) for name in ("approved", "apply")] == ["failure", "skipped"]


def test_an_artifact_that_the_pull_request_made_approves_nothing(github):
    github.commit("ccc1", "capacity: 50 ", "capacity: 60 ")
    github.push(9, "ccc1")
    (right,) = [one for one in github.state["artifacts"] if one["name"] == "ftctl-approval-9-ccc1"]
    state = github.state
    forger = {"id": 77, "name": right["name"], "expired": False, "created_at": "9999", "workflow_run": {"id": 5000}}
    state["artifacts"].append(forger)
    state["runs"]["5000"] = {"event": "pull_request", "path": ".github/workflows/ftctl-review.yml"}
    github.save(state)
    (github.folder / "artifacts" / "77").mkdir()
    (github.folder / "artifacts" / "77" / "digest").write_text("0" * 64 + "\n", encoding="utf-8")
    applied = github.merge(9, "main1")
    digest = (github.folder / "artifacts" / str(right["id"]) / "digest").read_text("utf-8").strip()
    assert applied.outputs["approved"]["digest"] == digest
    assert applied.conclusion == "success", applied.log


def test_an_altered_plan_is_not_shown(github):
    """The pull request's workflow may be edited in it; what it hands on is shown only if it is what it says."""
    upload = github.upload

    def forged(job, given):
        upload(job, given)
        plan = github.folder / "artifacts" / str(len(github.state["artifacts"])) / "plan.json"
        if plan.exists():
            text = (
                plan.read_text("utf-8")
                .replace('"after": 60', '"after": 50')
                .replace('"capacity": 60', '"capacity": 50')
            )
            plan.write_text(text, encoding="utf-8")

    github.machine.actions = {**github.machine.actions, "actions/upload-artifact": forged}
    github.commit("ddd1", "capacity: 50 ", "capacity: 60 ")
    planned, review = github.push(10, "ddd1")
    assert (planned.conclusion, review.conclusion) == ("success", "failure")
    assert "FT3110" in review.log
    assert [one["name"] for one in github.state["artifacts"]] == ["ftctl-plan"]
    applied = github.merge(10, "main1")
    assert "No plan of this merge was approved" in applied.log
    assert [applied.result(name) for name in ("approved", "apply")] == ["success", "failure"]
    assert "FT3101" in applied.log


def test_a_fork_is_checked_and_not_planned(github):
    github.commit("eee1", "seed: 105", "sead: 105")
    planned, review = github.push(11, "eee1", owner="mallory")
    assert [planned.result(name) for name in ("check", "plan")] == ["failure", "skipped"]
    assert "::error file=specs/support-tone.yaml,line=" in planned.log
    assert review.conclusion == "success", review.log
    assert "There is no plan: something is wrong. [More in the run]" in github.plan_comment(11)["body"]

    github.commit("eee2", "seed: 105", "seed: 106")
    planned, review = github.push(11, "eee2", owner="mallory")
    assert [planned.result(name) for name in ("check", "plan")] == ["success", "skipped"]
    assert review.conclusion == "success", review.log
    assert "This comes from a fork: it was checked, and is not planned." in github.plan_comment(11)["body"]
    assert github.state["artifacts"] == []
    assert "id-token" not in load(WORKFLOWS / "ftctl-plan.yml")["jobs"]["check"]["permissions"]

    applied = github.merge(11, "main1")
    assert applied.conclusion == "failure"
    assert "FT3101" in applied.log


def test_a_review_of_an_older_push_says_nothing(github):
    github.commit("fff1", "capacity: 50 ", "capacity: 60 ")
    github.commit("fff2", "capacity: 50 ", "capacity: 70 ")
    github.push(12, "fff2")
    before = github.plan_comment(12)
    told = {"event": "pull_request", "conclusion": "success", "head_sha": "fff1", "id": 1000, "html_url": "x"}
    told |= {"head_branch": "change-12", "head_repository": {"full_name": REPOSITORY, "owner": {"login": "contoso"}}}
    late, _ = github.run("ftctl-review", "workflow_run", "main0", {"workflow_run": told})
    assert late.conclusion == "success"
    assert github.plan_comment(12) == before
    assert len(github.state["artifacts"]) == 2


def test_a_change_by_hand_opens_an_issue(github):
    def look():
        run, _ = github.run("ftctl-drift", "schedule", "main0", {})
        assert run.conclusion == "success", run.log
        return github.state["issues"]

    def knob(capacity):
        arm, env = Arm(github.azure), github.azure.environment
        account = f"/subscriptions/{env['AZURE_SUBSCRIPTION_ID']}/resourceGroups/rg-finetune/providers"
        path = f"{account}/Microsoft.CognitiveServices/accounts/aoai-support-tone/deployments/tone-prod"
        arm.call("PATCH", path, {"sku": {"name": "GlobalStandard", "capacity": capacity}})
        github.azure.advance("1h")

    assert look() == []
    knob(90)
    (issue,) = look()
    assert (issue["state"], issue["labels"]) == ("open", ["ftctl:drift"])
    assert issue["body"].startswith("<!-- ftctl:drift -->")
    assert "capacity: 90 → 50" in issue["body"]
    knob(91)
    (issue,) = look()
    assert (issue["state"], issue["edits"]) == ("open", 1)
    assert "capacity: 91 → 50" in issue["body"]
    knob(50)
    (issue,) = look()
    assert issue["state"] == "closed"
    assert look()[0]["state"] == "closed"
