"""The GitOps kit, held against its platforms' own linters and schemas, and against what it promises."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from actions import bash_environment, load
from lab import OTHERS, ROOT, installed

KIT = ROOT / "examples" / "gitops"
WORKFLOWS = KIT / "github" / "workflows"
pytestmark = pytest.mark.others


@pytest.fixture(scope="module")
def tools() -> Path:
    return installed(OTHERS / "gitops" / "installed").with_name("bin")


def linted(tools: Path, *words: object) -> str:
    """What a linter says, which has to be nothing bad."""
    done = subprocess.run(
        [tools / str(words[0]), *map(str, words[1:])],
        env=bash_environment(tools),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


ON_GITHUB = (*sorted(WORKFLOWS.glob("*.yml")), KIT / "action.yml")


def test_actionlint_with_shellcheck(tools):
    linted(tools, "actionlint", "-shellcheck", tools / "shellcheck", *ON_GITHUB[:-1])


def test_zizmor(tools):
    linted(tools, "zizmor", "--offline", "--no-progress", "--strict-collection", *ON_GITHUB)


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", ON_GITHUB[:-1]),
        ("github-actions", ON_GITHUB[-1:]),
        ("gitlab-ci", ["--data-transform", "gitlab-ci", KIT / "gitlab-ci.yml"]),
        (  # its patterns are not written for Unicode mode
            "azure-pipelines",
            ["--data-transform", "azure-pipelines", "--regex-variant", "nonunicode", KIT / "azure-pipelines.yml"],
        ),
    ],
)
def test_the_platforms_own_schema(tools, schema, files):
    linted(tools, "check-jsonschema", "--builtin-schema", f"vendor.{schema}", *files)


def test_pre_commit(tools):
    linted(tools, "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml")
    linted(tools, "pre-commit", "validate-config", KIT / "pre-commit-config.yaml")
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))}
    used = yaml.safe_load((KIT / "pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    assert {hook["id"] for hook in used} == hooks


def test_shellcheck_on_what_no_other_linter_reads(tools, tmp_path):
    action, gitlab = load(KIT / "action.yml"), load(KIT / "gitlab-ci.yml")
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    common = gitlab[".ftctl"]["before_script"]
    scripts += ["\n".join([*common, *job["script"]]) for job in gitlab.values() if "script" in job]
    scripts += list(_inline(load(KIT / "azure-pipelines.yml")))
    assert len(scripts) == 2 + 3 + 4
    for number, script in enumerate(scripts):
        file = tmp_path / f"{number}.sh"
        file.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        linted(tools, "shellcheck", file)


def _inline(pipeline):
    match pipeline:
        case dict():
            for key, value in pipeline.items():
                if key in {"bash", "inlineScript"}:
                    assert value.startswith("set -euo pipefail\n")
                    yield value
                else:
                    yield from _inline(value)
        case list():
            for one in pipeline:
                yield from _inline(one)


def test_every_action_is_pinned_by_its_commit_and_names_its_version():
    lines = [line.strip() for path in ON_GITHUB for line in path.read_text("utf-8").splitlines() if "uses: " in line]
    assert len(lines) > 10
    for line in lines:
        used, _, version = line.removeprefix("- ").removeprefix("uses: ").partition(" # ")
        name, _, commit = used.partition("@")
        assert len(commit) == 40, line
        assert version.startswith("v") or (name.startswith("your-org/") and version == "the commit that you use"), line


def test_two_merges_take_turns():
    lock = load(WORKFLOWS / "ftctl-apply.yml")["jobs"]["apply"]["concurrency"]
    assert lock == {"group": "ftctl-apply", "cancel-in-progress": False, "queue": "max"}
    assert load(KIT / "gitlab-ci.yml")["apply"]["resource_group"] == "ftctl"
    azure = load(KIT / "azure-pipelines.yml")
    assert [azure["lockBehavior"], azure["stages"][1]["lockBehavior"]] == ["sequential"] * 2


def test_a_job_has_an_identity_or_the_right_to_write_and_never_both():
    for path in ON_GITHUB[:-1]:
        for name, job in load(path)["jobs"].items():
            writes = {scope for scope, level in job["permissions"].items() if level == "write"}
            assert writes <= {"id-token"} or "id-token" not in writes, (path, name)
            assert job["timeout-minutes"] <= 360
