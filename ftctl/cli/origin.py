"""Where an apply comes from, for the marks on what it writes: the spec's revision, the plan, and who approved it."""

from __future__ import annotations

import getpass
import re
from collections.abc import Mapping
from pathlib import Path

from ftctl.cli import revisions
from ftctl.core.changes import Plan
from ftctl.kinds import marks
from ftctl.render.look import clean

# Documented by GitHub ("default environment variables"), GitLab ("predefined CI/CD variables") and Azure Pipelines
# ("predefined variables"): by which one knows it, the commit that it works on, and who started it.
_PIPELINES = (
    ("GitHub Actions", "GITHUB_ACTIONS", "GITHUB_SHA", "GITHUB_ACTOR"),
    ("GitLab CI", "GITLAB_CI", "CI_COMMIT_SHA", "GITLAB_USER_LOGIN"),
    ("Azure Pipelines", "TF_BUILD", "BUILD_SOURCEVERSION", "BUILD_REQUESTEDFOR"),
)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
APPROVER = "FTCTL_APPROVED_BY"


def origin(plan: Plan, spec: Path, environ: Mapping[str, str], *, asked: bool) -> dict[str, str]:
    """The marks of one apply; what is not known is left out. `asked` says that somebody has just typed yes."""
    found = {
        marks.REVISION: revisions.revision(spec) or _committed(environ),
        marks.PLAN: plan.digest(),
        marks.APPROVED: environ.get(APPROVER, "").strip() or _started_by(environ) or (_typed() if asked else ""),
    }
    return {name: clean(" ".join(value.split())) for name, value in found.items() if value}


def _committed(environ: Mapping[str, str]) -> str:
    """The commit that a pipeline says it works on, where there is no git to say more."""
    for _, there, commit, _ in _PIPELINES:
        if environ.get(there) and _COMMIT.fullmatch(environ.get(commit, "")):
            return environ[commit]
    return ""


def _started_by(environ: Mapping[str, str]) -> str:
    """Who started the pipeline, with the pipeline's name: its own approvals are known to it alone."""
    for name, there, _, actor in _PIPELINES:
        if environ.get(there) and environ.get(actor):
            return f"{environ[actor]} ({name})"
    return ""


def _typed() -> str:
    try:
        return f"{getpass.getuser()} (at a terminal)"
    except (OSError, KeyError, ImportError):  # a user without a name
        return ""
