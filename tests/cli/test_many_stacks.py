"""Many stacks at once: planned side by side in one report, and only those that a change touches."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftctl import workflow
from ftctl.cli.changed import Touched
from ftctl.core.errors import Exit
from ftctl.embedded import Server, announce, local_folder, withdraw
from ftctl.kinds.marks import stack_mark
from ftctl.local.azure import Azure
from ftctl.request import Request

AZURE = "azure: {subscription: 00000000-0000-4000-8000-00000000f7c1, resourceGroup: GROUP, cloud: local}\n"
LINE = '{"messages": [{"role": "user", "content": "NUMBER?"}, {"role": "assistant", "content": "Yes."}]}\n'


def git(*words, at="."):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True, cwd=at).stdout.strip()


def declare(name, group=None, data=None, more=""):
    """A stack that makes a resource group, or one with data and an account."""
    text = f"apiVersion: ftctl/v1\nstack: {name}\n"
    text += AZURE.replace("GROUP", group or f"{{name: rg-{name}, create: true, location: swedencentral}}")
    if data:
        text += f"resources: {{main: {{name: aoai-{name}, location: swedencentral}}}}\n"
        text += f"datasets: {{train: {{path: {data}}}}}\n"
    Path("specs").mkdir(exist_ok=True)
    Path(f"specs/{name}.yaml").write_text(text + more, encoding="utf-8")


def write_data(name, first=0):
    Path("specs/data").mkdir(parents=True, exist_ok=True)
    lines = [LINE.replace("NUMBER", str(number)) for number in range(first, first + 60)]
    Path(f"specs/data/{name}.jsonl").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def repository(project):
    """Three stacks, committed on main, and a branch with nothing on it yet."""
    write_data("shared")
    write_data("own")
    declare("alpha", data="data/shared.jsonl")
    declare("beta", data="./data/../data/shared.jsonl")
    declare("gamma", data="data/own.jsonl")
    Path(".gitignore").write_text(".ftctl/\n", encoding="utf-8")
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    git("checkout", "-q", "-b", "work")
    return project


def planned(said):
    return [plan["stack"] for plan in json.loads(said.out)["plans"]]


# --- which stacks


def test_only_what_a_change_touches_is_planned(ftctl, repository):
    write_data("own", first=5)
    assert planned(ftctl("plan", "--changed-since", "main", "-o", "json")) == ["gamma"]
    write_data("shared", first=5)
    git("commit", "-q", "-a", "-m", "two")
    assert planned(ftctl("plan", "--changed-since", "main", "-o", "json")) == ["alpha", "beta", "gamma"]
    assert planned(ftctl("plan", "--changed-since", "HEAD", "-o", "json")) == []


def test_what_came_to_the_other_branch_since_is_nobodys_change(ftctl, repository):
    git("checkout", "-q", "main")
    declare("alpha", data="data/shared.jsonl", more="# more\n")
    git("commit", "-q", "-a", "-m", "on main")
    git("checkout", "-q", "work")
    declare("delta")  # not even added
    assert planned(ftctl("plan", "--changed-since", "main", "-o", "json")) == ["delta"]


def test_nothing_touched_is_said(ftctl, repository):
    for command in ("plan", "validate"):
        said = ftctl(command, "--changed-since", "main")
        assert (said.code, said.out) == (Exit.DONE, "No stack is touched by what changed since main.\n")
    assert ftctl("plan", "--changed-since", "main", "-o", "markdown").out.splitlines()[1:] == ["### No stack to plan."]


def test_validate_reads_the_data_of_touched_stacks_alone(ftctl, repository):
    Path("specs/data/own.jsonl").write_text("no data\n", encoding="utf-8")
    git("commit", "-q", "-a", "-m", "bad")
    assert ftctl("validate").code == Exit.DATA
    declare("alpha", data="data/shared.jsonl", more="# more\n")
    said = ftctl("validate", "--changed-since", "HEAD")
    assert (said.code, said.out.count("valid. Stack alpha"), said.out.count("valid.")) == (Exit.DONE, 1, 1)


def test_a_graders_program_belongs_to_its_stack(ftctl, repository):
    Path("specs/grade.py").write_text("def grade(sample, item):\n    return 1.0\n", encoding="utf-8")
    row = '{"messages": [{"role": "user", "content": "NUMBER?"}], "answer": "a"}\n'
    rows = "".join(row.replace("NUMBER", str(number)) for number in range(60))
    Path("specs/data/rewards.jsonl").write_text(rows, encoding="utf-8")
    grader = (
        "{reinforcement: {grader: {type: multi, calculate_output: a, graders: {a: {type: python, file: grade.py}}}}}"
    )
    declare(
        "rewards",
        more="resources: {main: {name: aoai-rewards, location: swedencentral}}\n"
        "datasets:\n  train: {path: data/rewards.jsonl, format: reinforcement}\n"
        "  valid: {path: data/rewards.jsonl, format: reinforcement}\n"
        f"jobs: {{j: {{model: o4-mini-2025-04-16, training: train, validation: valid, method: {grader}}}}}\n",
    )
    git("add", ".")
    git("commit", "-q", "-m", "graders")
    Path("specs/grade.py").write_text("def grade(sample, item):\n    return 0.5\n", encoding="utf-8")
    said = ftctl("validate", "--changed-since", "HEAD", "-o", "json")
    assert json.loads(said.out)["stacks"] == ["rewards"], said.out


def test_a_file_that_git_does_not_see_may_have_changed(ftctl, repository, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "data.jsonl"
    outside.write_bytes(Path("specs/data/own.jsonl").read_bytes())
    declare("delta", data=str(outside))
    Path("specs/data/ignored.jsonl").write_bytes(outside.read_bytes())
    declare("epsilon", data="data/ignored.jsonl")
    Path(".gitignore").write_text(".ftctl/\nignored.jsonl\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "more")
    assert planned(ftctl("plan", "--changed-since", "HEAD", "-o", "json")) == ["delta", "epsilon"]


def test_a_link_is_followed(ftctl, repository):
    Path("specs/data/link.jsonl").symlink_to("own.jsonl")
    declare("delta", data="data/link.jsonl")
    git("add", ".")
    git("commit", "-q", "-m", "more")
    write_data("own", first=9)
    assert planned(ftctl("plan", "--changed-since", "HEAD", "-o", "json")) == ["delta", "gamma"]


@settings(max_examples=12)
@given(st.lists(st.sampled_from(["alpha.yaml", "beta.yaml", "gamma.yaml", "shared", "own", "else.txt"]), max_size=4))
def test_whatever_changes(tmp_path_factory, edits):
    """By hand: which stacks name which files."""
    folder = tmp_path_factory.mktemp("repository")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for data in ("shared", "own"):
            write_data(data)
        uses = {"alpha": "shared", "beta": "shared", "gamma": "own"}
        for name, data in uses.items():
            declare(name, data=f"data/{data}.jsonl")
        git("init", "-q")
        git("add", ".")
        git("commit", "-q", "-m", "one")
        for number, edit in enumerate(edits):
            path = Path("specs") / (edit if "." in edit else f"data/{edit}.jsonl")
            with path.open("a", encoding="utf-8") as file:
                file.write("# more\n" if "." in edit else LINE.replace("NUMBER", f"more {number}"))
        found = Touched(Request(changed_since="HEAD"))(workflow.read(Request()))
    expected = [name for name, data in uses.items() if f"{name}.yaml" in edits or data in edits]
    assert [stack.name for stack in found] == expected


# --- stacks that are gone


def test_a_stack_whose_file_is_deleted_is_told_of(ftctl, repository):
    git("rm", "-q", "specs/beta.yaml")
    said = ftctl("plan", "--changed-since", "main")
    assert said.code == Exit.DONE
    words = " ".join(said.err.split())
    assert "warning FT6045" in words
    assert "specs/beta.yaml is gone, and what the stack beta owns stays in Azure" in words
    assert f"git worktree add ../before {git('rev-parse', 'main')[:12]}" in words
    for command, key in (("plan", "problems"), ("validate", "problems")):
        (problem,) = json.loads(ftctl(command, "--changed-since", "main", "-o", "json").out)[key]
        assert (problem["code"], problem["severity"]) == ("FT6045", "warning")
    comment = ftctl("plan", "--changed-since", "main", "-o", "markdown").out
    assert "what the stack beta owns stays in Azure" in comment


def test_a_stack_that_is_called_otherwise_now_leaves_one_behind(ftctl, repository):
    path = Path("specs/beta.yaml")
    path.write_text(path.read_text("utf-8").replace("stack: beta", "stack: better"), encoding="utf-8")
    said = ftctl("plan", "--changed-since", "main", "-o", "json")
    assert planned(said) == ["better"]
    assert [one["subject"] for one in json.loads(said.out)["problems"]] == ["beta"]


def test_a_renamed_file_is_no_farewell(ftctl, repository):
    git("mv", "specs/beta.yaml", "specs/zeta.yaml")
    said = ftctl("plan", "--changed-since", "main", "-o", "json")
    assert (planned(said), json.loads(said.out)["problems"]) == (["beta"], [])


# --- what git cannot say


def refusal(ftctl, code, *words):
    said = ftctl("plan", "-o", "json", *words)
    (problem,) = json.loads(said.out)["problems"]
    assert (problem["code"], said.code) == (code, Exit.ERROR)
    return f"{problem['what']} {problem['why']} {problem['fix']}"


def test_no_repository(ftctl, project):
    declare("alpha")
    assert "specs is in no git repository" in refusal(ftctl, "FT6040", "--changed-since", "main")


def test_no_git(ftctl, repository, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "git is not installed" in refusal(ftctl, "FT6040", "--changed-since", "main")


@pytest.mark.parametrize("revision", ["nothing", "--output=owned", "HEAD~7"])
def test_no_such_revision(ftctl, repository, revision):
    assert f"no revision {revision}" in refusal(ftctl, "FT6041", f"--changed-since={revision}")
    assert not Path("owned").exists()


def test_a_shallow_clone(ftctl, repository, monkeypatch):
    for branch in ("main", "work"):
        git("checkout", "-q", branch)
        Path("note.txt").write_text(branch, encoding="utf-8")
        git("add", ".")
        git("commit", "-q", "-m", branch)
    git("clone", "-q", "--depth", "1", "--no-single-branch", repository.as_uri(), "shallow")
    (repository / "shallow/.ftctl").mkdir()
    monkeypatch.chdir(repository / "shallow")
    assert "fetch-depth: 0" in refusal(ftctl, "FT6042", "--changed-since", "origin/main")
    assert "fetch-depth: 0" in refusal(ftctl, "FT6041", "--changed-since", "main~1")


def test_two_histories(ftctl, repository):
    git("checkout", "-q", "--orphan", "island")
    git("commit", "-q", "-m", "apart")
    refusal(ftctl, "FT6043", "--changed-since", "main")


def test_a_spec_outside_of_the_repository(ftctl, repository, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "delta.yaml"
    declare("delta")
    Path("specs/delta.yaml").replace(outside)
    assert str(outside.parent) in refusal(ftctl, "FT6040", "specs", str(outside), "--changed-since", "main")


# --- one report


def folders(names, changed=()):
    """Stacks of a resource group each; of the `changed`, the group stays as it is and a role is asked for."""
    for name in names:
        role = "{role: Reader, principal: {group: ml-engineers}, scope: resourceGroup}"
        declare(name, more=f"roleAssignments: {{team: {role}}}\n" if name in changed else "")


MANY = [f"s{number:02}" for number in range(20)]


def test_two_of_twenty(ftctl, golden):
    folders(MANY)
    assert ftctl("apply", "--auto-approve").code == Exit.DONE
    folders(MANY, changed=("s07", "s13"))
    said = ftctl("plan")
    assert said.code == Exit.DONE
    golden("plan-two-of-twenty", said.out)
    assert re.findall("Stack (.*?) ", said.err) == ["s07", "s13"]
    said = ftctl("plan", "-o", "markdown", "--outputs", "steps.txt")
    hidden = re.sub("[0-9a-f]{64}", "DIGEST", said.out)
    golden("plan-two-of-twenty-markdown", hidden)
    digests = re.search("^digest=(.*)$", Path("steps.txt").read_text("utf-8"), re.MULTILINE)[1]
    assert f"ftctl apply --expect {digests}<" in said.out
    page = ftctl("plan", "-o", "html").out
    assert page.count("<article") == 2
    assert '<a href="#stack-s07"><code>s07</code></a>' in page
    assert "18 with nothing to do" in page
    assert ftctl("apply", "--expect", digests).code == Exit.DONE
    assert ftctl("plan").out.startswith("Nothing to do in 20 stacks.\n")


def test_one_that_cannot_be_planned_does_not_keep_the_others_from_it(ftctl, project):
    folders(["s1", "s2"])
    declare("s0", group="rg-none", data=None)
    path = Path("specs/s0.yaml")
    path.write_text(path.read_text("utf-8").replace("f7c1", "f7c2"), encoding="utf-8")
    said = ftctl("plan")
    assert said.code not in {Exit.DONE, Exit.CHANGES}
    assert "2 of 3 stacks change, 1 could not be planned." in said.out
    assert "Not planned: s0." in said.out
    assert re.findall("Stack (.*?) ", said.err) == ["s0", "s1", "s2"]


def test_one_touched_stack_has_the_comment_of_several(ftctl, repository):
    for name in ("delta", "epsilon"):
        declare(name)
        said = ftctl("plan", "--changed-since", "main", "-o", "markdown")
        assert said.out.startswith("<!-- ftctl:plan -->\n")


def test_two_stacks_with_one_mark_are_refused(ftctl, project):
    """They train in one account, and would cancel each other's trainings."""
    marks = {}
    one, two = next(
        (marks[mark], name)
        for name in (f"team-{number}" for number in range(10_000))
        if marks.setdefault(mark := stack_mark(name), name) != name
    )
    write_data("own")
    declare("host", more="resources: {main: {name: aoai-host, location: swedencentral}}\n")
    for name in (one, two):
        reads = "resources: {main: {name: aoai-host, location: swedencentral, manage: reference}}\n"
        jobs = "jobs: {tone: {model: gpt-4.1-mini-2025-04-14, training: train}}\n"
        declare(name, group="rg-host", more=reads + "datasets: {train: {path: data/own.jsonl}}\n" + jobs)
    (problem,) = json.loads(ftctl("validate", "-o", "json").out)["problems"]
    assert (problem["code"], one in problem["what"], two in problem["what"]) == ("FT6046", True, True)
    declare(two, group="rg-other", more=reads + "datasets: {train: {path: data/own.jsonl}}\n" + jobs)
    assert json.loads(ftctl("validate", "-o", "json").out)["valid"]


# --- side by side


def calls(trace):
    return [
        line.split()[2].partition("?")[0].partition("/127.0.0.1:")[2][5:]
        for line in Path(trace).read_text("utf-8").splitlines()
    ]


def test_what_one_stack_reads_the_others_do_not_read_again(ftctl, repository):
    assert ftctl("apply", "specs/alpha.yaml", "--auto-approve", "--wait", "submit").code != Exit.USAGE
    ftctl("plan", "specs/alpha.yaml", "--trace", "one")
    for name in ("guest-a", "guest-b", "guest-c"):
        reads = "resources: {main: {name: aoai-alpha, location: swedencentral, manage: reference}}\n"
        declare(name, group="rg-alpha", more=reads + "datasets: {train: {path: data/own.jsonl}}\n")
    guests = [f"specs/guest-{one}.yaml" for one in "abc"]
    ftctl("plan", "specs/alpha.yaml", *guests, "--trace", "four")
    more = [one for one in calls("four") if not one.endswith("/permissions")]  # of an account that is not there
    assert set(more) <= set(calls("one"))
    assert len(more) == len([one for one in calls("one") if not one.endswith("/permissions")])


def test_an_apply_sees_what_it_has_just_made(ftctl, project):
    """Of two stacks the second needs what the first makes: it is planned when that is there."""
    declare("host", more="resources: {main: {name: aoai-host, location: swedencentral}}\n")
    reads = "resources: {main: {name: aoai-host, location: swedencentral, manage: reference}}\n"
    role = "roleAssignments: {team: {role: Reader, principal: {group: ml-engineers}}}\n"
    declare("house-guest", group="rg-host", more=reads + role)
    assert ftctl("plan").code == Exit.BLOCKED
    said = ftctl("apply", "--auto-approve")
    assert said.code == Exit.DONE, said.err
    assert "house-guest: 1 created" in said.out


def test_a_budget_is_for_all_stacks_in_their_order(ftctl, project):
    for name in ("one", "two"):
        ftctl("init", "--name", name)
    (cost,) = {float(found) for found in re.findall(r"≈ ([0-9.]+) USD\), 0 to re-point.*\n\n", ftctl("plan").out)}
    for _ in range(3):
        said = ftctl("plan", "--max-cost", str(1.5 * cost), "-o", "json")
        first, second = json.loads(said.out)["plans"]
        codes = [[one["code"] for one in plan["diagnostics"] if one["severity"] == "error"] for plan in (first, second)]
        assert (said.code, codes) == (Exit.BLOCKED, [[], ["FT3020"]])


def test_an_interrupt_leaves_at_once(ftctl, repository):
    """Calls take half a minute; nobody waits for them, and nothing is half told."""
    assert ftctl("plan").code == Exit.DONE
    assert ftctl("local", "faults", "add", "slow", "--seconds", "30", "--route", "arm_*").code == Exit.DONE
    azure = Azure(local_folder())
    with azure.serve() as served:  # a server that stays, as a remote one does
        announce(local_folder(), Server(served.url, os.getpid()))
        command = [sys.executable, "-m", "ftctl", "plan", "-o", "json", "--trace", "trace", "--outputs", "steps.txt"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "oauth2" not in (Path("trace").read_text("utf-8") if Path("trace").exists() else ""):
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        withdraw(local_folder(), os.getpid())
    azure.close()
    assert (process.returncode, out) == (Exit.INTERRUPTED, "")
    assert "Traceback" not in err
    assert "exit_code" in Path("steps.txt").read_text("utf-8")


# --- carried out


def test_a_saved_plan_is_for_its_stacks_alone(ftctl, repository):
    declare("delta", more="variables: {unused: 1}\n")
    assert ftctl("plan", "--changed-since", "main", "--out", "plan.json").code == Exit.DONE
    git("add", ".")
    git("commit", "-q", "-m", "merged")
    said = ftctl("apply", "plan.json", "-o", "json")
    assert said.code == Exit.DONE, said.err
    assert [one["report"]["stack"] for one in json.loads(said.out)["stacks"]] == ["delta"]
    assert ftctl("apply", "plan.json").code == Exit.STALE


def test_a_saved_plan_of_no_stack_does_nothing(ftctl, repository):
    assert ftctl("plan", "--changed-since", "main", "--out", "plan.json").code == Exit.DONE
    said = ftctl("apply", "plan.json", "-o", "json")
    assert (said.code, json.loads(said.out)["stacks"]) == (Exit.DONE, [])
    assert stored("group") == []


def test_apply_takes_it_too(ftctl, repository):
    declare("delta")
    assert ftctl("apply", "--changed-since", "main", "--auto-approve").code == Exit.DONE
    assert [one["name"] for one in stored("group")] == ["rg-delta"]


def stored(kind):
    azure = Azure(local_folder())
    try:
        return azure.store.all(kind)
    finally:
        azure.close()
