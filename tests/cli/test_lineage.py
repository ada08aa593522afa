"""`ftctl lineage` as people and pipelines use it: what an apply says of itself, and what git knows of the data."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess

import pytest

from ftctl.cli import revisions
from ftctl.cli.origin import origin
from ftctl.core.changes import Plan
from ftctl.core.model import Home, Mode
from ftctl.embedded import local_folder
from ftctl.kinds import marks
from ftctl.local.azure import Azure
from ftctl.render.lineage import lineage_json, lineage_text
from ftctl.render.look import Look
from ftctl.render.model_card import model_cards
from ftctl.results.lineage import Condition, Data, Gate, Job, Lineage, Model, Origin, Recipe
from tests.flow.test_lineage import schema

PLAN = Plan(Home("tone", "sub", "rg"), Mode.NORMAL, ())
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def run_git(folder, *words):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *who, "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder, *paths):
    run_git(folder, "add", *paths)
    run_git(folder, "commit", "-qm", "a change")
    return run_git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(project):
    run_git(project, "init", "-q")
    return project


def only(said):
    content = json.loads(said.out)
    schema().validate(content)
    (one,) = content["deployments"]
    return one


def test_what_is_applied_says_where_it_comes_from(ftctl, repository, monkeypatch):
    ftctl("init")
    first = commit(repository, "specs")
    digest = json.loads(ftctl("plan", "-o", "json").out)["plans"][0]["digest"]
    monkeypatch.setenv("FTCTL_APPROVED_BY", "anna\x1b[31m")
    assert ftctl("apply", "--auto-approve").code == 0
    one = only(ftctl("lineage", "tone", "-o", "json"))
    assert one["origin"].items() >= {"revision": first, "plan": digest, "approved": "anna\\x1b[31m"}.items()
    assert [(data["path"], data["revision"]) for data in one["job"]["data"]] == [
        ("specs/data/train.jsonl", first),
        ("specs/data/valid.jsonl", first),
    ]

    # What was committed since is not what serves.
    data = repository / "specs/data/train.jsonl"
    data.write_text("\n".join(data.read_text("utf-8").splitlines()[:-1]) + "\n", "utf-8")
    later = commit(repository, "specs")
    one = only(ftctl("lineage", "deployment/tone", "-o", "json"))
    assert (one["origin"]["revision"], one["job"]["data"][0]["revision"]) == (first, first) != (later, later)
    assert "examples" not in one["job"]["data"][0]
    text = ftctl("lineage").out
    for told in (first, digest[:12], "by anna", f"specs/data/train.jsonl at {first[:12]}", one["job"]["id"]):
        assert " ".join(told.split()) in " ".join(text.split())
    assert all(len(line) <= 80 or len(line.split()) <= 2 for line in text.splitlines())
    card = ftctl("lineage", "-o", "markdown").out
    assert card.startswith("# tone\n\n## Model\n")
    assert digest in card


def test_what_is_not_there_is_told(ftctl, project):
    ftctl("init")
    said = ftctl("lineage")
    assert (said.code, said.out.strip()) == (0, "")
    assert "deployment/tone is declared, but not in Azure." in said.err
    said = ftctl("lineage", "tone")
    assert (said.code, "FT6005" in said.err) == (1, True)
    said = ftctl("lineage", "tome", "-o", "json")
    assert json.loads(said.out)["problems"][0]["code"] == "FT6004"
    assert "tone" in said.err
    (project / "specs/tone.yaml").write_text("stack: []\n", "utf-8")
    assert ftctl("lineage").code == 65


def test_a_stack_that_cannot_be_read_is_in_the_document(ftctl):
    ftctl("init")
    ftctl("local", "faults", "add", "refuse", "--status", "403", "--path", "*/accounts", "--times", "1")
    said = ftctl("lineage", "-o", "json")
    assert said.code == 6
    assert [one["code"] for one in json.loads(said.out)["problems"]] == ["FT2004"]


# --- where an apply comes from


GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_SHA": COMMIT, "GITHUB_ACTOR": "octocat"}
GITLAB = {"GITLAB_CI": "true", "CI_COMMIT_SHA": COMMIT, "GITLAB_USER_LOGIN": "tanuki"}
AZURE = {"TF_BUILD": "True", "BUILD_SOURCEVERSION": COMMIT, "BUILD_REQUESTEDFOR": "Anna  Lee"}


@pytest.mark.parametrize(
    ("environ", "revision", "approved"),
    [
        (GITHUB, COMMIT, "octocat (GitHub Actions)"),
        (GITLAB, COMMIT, "tanuki (GitLab CI)"),
        (AZURE, COMMIT, "Anna Lee (Azure Pipelines)"),
        ({**GITHUB, "FTCTL_APPROVED_BY": "bob"}, COMMIT, "bob"),
        ({**GITHUB, "GITHUB_SHA": "main; rm"}, None, "octocat (GitHub Actions)"),
        ({**GITHUB, "GITHUB_ACTIONS": ""}, None, None),
        ({}, None, None),
    ],
)
def test_a_pipeline_says_its_commit_and_who_started_it(tmp_path, environ, revision, approved):
    found = origin(PLAN, tmp_path / "stack.yaml", environ, asked=False)
    assert found.get(marks.REVISION) == revision
    assert found.get(marks.APPROVED) == approved
    assert found[marks.PLAN] == PLAN.digest()


def test_who_types_yes_has_approved(ftctl, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("LOGNAME", "anna")
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    ftctl("init")
    assert ftctl("apply", "--wait", "none").code == 3
    (group,) = live("group")
    assert group["_tags"][marks.APPROVED] == "anna (at a terminal)"


def live(kind):
    azure = Azure(local_folder())
    try:
        return azure.store.all(kind)
    finally:
        azure.close()


# --- what git knows


def test_the_revision_of_a_spec(tmp_path):
    spec = tmp_path / "specs" / "stack.yaml"
    spec.parent.mkdir()
    spec.write_text("a", "utf-8")
    assert revisions.revision(spec) == ""  # no repository
    run_git(tmp_path, "init", "-q")
    assert revisions.revision(spec) == ""  # no commit
    head = commit(tmp_path, "specs")
    run_git(tmp_path, "tag", "v1")
    assert revisions.revision(spec) == head
    (tmp_path / "specs" / "new.yaml").write_text("b", "utf-8")
    assert revisions.revision(spec) == head  # another file
    assert revisions.revision(spec.with_name("new.yaml")) == f"{head}-dirty"  # one that is not committed at all
    spec.write_text("b", "utf-8")
    assert revisions.revision(spec) == f"{head}-dirty"


def test_no_git_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revisions.revision(tmp_path / "stack.yaml") == ""
    assert revisions.commit_of(tmp_path / "data.jsonl", "0" * 64) == ""


def test_the_commit_that_had_a_content(tmp_path):
    run_git(tmp_path, "init", "-q")
    data = tmp_path / "data.jsonl"
    heads = {}
    for text in ("one", "two", "three"):
        data.write_text(text, "utf-8")
        heads[text] = commit(tmp_path, "data.jsonl")
    for text, head in heads.items():
        assert revisions.commit_of(data, hashlib.sha256(text.encode()).hexdigest()) == head
    assert revisions.commit_of(data, "0" * 64) == ""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'9' * 64}\nsize 12\n"
    data.write_text(pointer, "utf-8")
    assert revisions.commit_of(data, "9" * 64) == ""
    kept = commit(tmp_path, "data.jsonl")
    assert revisions.commit_of(data, "9" * 64) == kept


def test_reading_runs_nothing_of_a_repository(tmp_path):
    run_git(tmp_path, "init", "-q")
    spec = tmp_path / "stack.yaml"
    spec.write_text("a", "utf-8")
    commit(tmp_path, "stack.yaml")
    spy = tmp_path / "spy.sh"
    spy.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n", "utf-8")
    spy.chmod(0o755)
    run_git(tmp_path, "config", "core.fsmonitor", str(spy))
    assert revisions.revision(spec)
    assert not (tmp_path / "ran").exists()


# --- how it reads

FIRST = Job(
    id="ftjob-1111",
    status="succeeded",
    stack="platform",
    finished="2026-05-02T10:00:30Z",
    model="gpt-4.1-mini-2025-04-14",
    trained="gpt-4.1-mini-2025-04-14.ft-1111-base-00cf-1c2d3e4f5a6b",
    recipe=Recipe(fields={"model": "gpt-4.1-mini-2025-04-14", "method": "supervised", "n_epochs": 1}),
    data=[Data(role="training", file="file-1111", stack="platform", bytes=48_213)],
)
SECOND = Job(
    id="ftjob-2222",
    status="succeeded",
    declared="job/tone",
    stack="support-tone",
    created="2026-06-01T07:12:00Z",
    finished="2026-06-01T08:30:10Z",
    model=FIRST.trained,
    trained="gpt-4.1-mini-2025-04-14.ft-2222-tone-f94b-9f9b129f1815",
    tokens=43_120,
    recipe=Recipe(
        fingerprint="9f9b129f1815",
        fields={"model": FIRST.trained, "method": "dpo", "seed": 105, "beta": 0.1, "learning_rate_multiplier": 2.0},
    ),
    data=[
        Data(role="training", file="file-2222", dataset="train", stack="support-tone", sha256="9" * 64, examples=80,
             bytes=31_007, path="specs/data/train|_.jsonl", revision=COMMIT),
        Data(role="validation", file="file-3333", dataset="valid", stack="support-tone", sha256="a" * 64, bytes=4_096),
    ],
    verdict="converged",
    measures={"train_loss": 0.4471, "full_valid_loss": 3.88, "something_new": 12.0},
    went_on_from=FIRST,
)  # fmt: skip
WHOLE = Lineage(
    stack="support-tone",
    name="tone-prod",
    id="/subscriptions/s/…/tone-prod",
    account="aoai-tone-support",
    declared=True,
    owner="support-tone",
    location="swedencentral",
    sku="GlobalStandard",
    capacity=50,
    checked="passed",
    model=Model(
        name=SECOND.trained, version="1", base=FIRST.model, fine_tuned=True, step=240, checkpoint="the last",
    ),
    previous="gpt-4.1-mini",
    origin=Origin(
        revision=f"{COMMIT}-dirty", plan="4" * 64, approved="@octocat (GitHub Actions)",
        by="8f1c0a7e-3b52-4a36-9d59-6f3f2f1f0c11", at="2026-06-01T08:31:05.1234567Z",
    ),
    job=SECOND,
    gate=Gate(
        passed=False,
        conditions=[
            Condition(condition="train_loss", passed=True, value=0.4471, told="train_loss at most 1: it is 0.4471"),
            Condition(condition="full_valid_loss", passed=False, told="full_valid_loss at most 2: it is 3.88"),
        ],
    ),
    unknown=["the content of file-1111, training data of ftjob-1111: nothing tells its hash"],
)  # fmt: skip
STRANGE = Lineage(
    stack="support-tone", name="strange", id="/strange", account="elsewhere", declared=False,
    model=Model(name="gpt-4.1", version="2025-04-14", base="gpt-4.1", fine_tuned=False),
    unknown=["who made the deployment, and from what: it carries no stack's mark"],
)  # fmt: skip


def test_how_it_reads(golden):
    text = "\n\n".join(lineage_text(one, Look()) for one in (WHOLE, STRANGE))
    golden("lineage", f"{text}\n")
    golden("lineage-markdown", f"{model_cards([WHOLE, STRANGE])}\n")
    schema().validate(json.loads(lineage_json([WHOLE, STRANGE], ())))
