"""GitHub Actions, as much as the kit uses: workflows are read from their YAML, and every `run` step is run.

`uses` steps stand in an explicit table, composite actions are read like workflows, and whatever is unknown (an action,
a key of a context, a function) fails the test that asked for it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<op>&&|\|\||==|!=|[()!])|(?P<name>[\w.-]+))")
_STATUS = re.compile(r"\b(success|failure|always|cancelled)\(\)")
_KEYS = {"id", "if", "env", "name", "run", "shell", "uses", "with"}
_JOB_KEYS = {
    *("concurrency", "env", "environment", "if", "needs", "outputs", "permissions", "runs-on", "steps"),
    "timeout-minutes",
}


def load(path: Path) -> dict[str, Any]:
    """A workflow or action; YAML 1.1 takes `on` for true."""
    content = yaml.safe_load(path.read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


# --- expressions


@dataclass
class Expression:
    """`${{ … }}`: names, texts, ==, !=, &&, ||, ! and the status functions."""

    contexts: Mapping[str, Any]
    status: Mapping[str, bool]
    tokens: list[str] = field(default_factory=list)

    def value(self, text: str) -> Any:
        self.tokens, end = [], 0
        while end < len(text.rstrip()):
            found = _TOKEN.match(text, end)
            assert found, f"no expression: {text[end:]}"
            self.tokens.append(found[0].strip())
            end = found.end()
        value = self._or()
        assert not self.tokens, f"what is {self.tokens} in {text}?"
        return value

    def render(self, text: Any) -> str:
        """A text with its expressions replaced."""
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _text(self.value(found[1])), _text(text), flags=re.DOTALL)

    def holds(self, condition: Any) -> bool:
        """Whether an `if` lets a step or job run; one without a status function asks for success too."""
        text = str(condition if condition is not None else "success()").strip()
        text = text.removeprefix("${{").removesuffix("}}")
        return bool(self.value(text)) and (bool(_STATUS.search(text)) or self.status["success"])

    def _take(self) -> str:
        return self.tokens.pop(0)

    def _next(self, *ops: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in ops

    def _or(self) -> Any:
        value = self._and()
        while self._next("||"):
            self._take()
            other = self._and()
            value = value or other
        return value

    def _and(self) -> Any:
        value = self._equal()
        while self._next("&&"):
            self._take()
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._unary()
        while self._next("==", "!="):
            same = self._take() == "=="
            value = (_text(value).lower() == _text(self._unary()).lower()) is same
        return value

    def _unary(self) -> Any:
        token = self._take()
        if token == "!":
            return not self._unary()
        if token == "(":
            value = self._or()
            assert self._take() == ")"
            return value
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self._next("("):
            assert [self._take(), self._take()] == ["(", ")"]
            return self.status[token]
        return {"true": True, "false": False}[token] if token in {"true", "false"} else self._look_up(token)

    def _look_up(self, name: str) -> Any:
        """A context's value; what steps and jobs gave may be missing, as it is on GitHub."""
        value: Any = self.contexts
        for part in name.split("."):
            known = isinstance(value, Mapping) and part in value
            assert known or name.startswith(("steps.", "needs.", "inputs.")), f"no {name} here"
            value = value[part] if known else ""
        return value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


# --- running


@dataclass
class Machine:
    """Where jobs run: a folder for workspaces, the environment of every process, and what `uses` means."""

    folder: Path
    environment: Mapping[str, str]
    actions: Mapping[str, Callable[[Job, Mapping[str, str]], Mapping[str, str] | None]]
    runs: list[str] = field(default_factory=list)


@dataclass
class Job:
    """One job on its way: its contexts, its workspace, what it printed, and whether a step of it failed."""

    machine: Machine
    name: str
    contexts: dict[str, Any]
    permissions: Mapping[str, str]
    folder: Path
    shell: str
    failed: bool = False
    log: str = ""
    summary: str = ""

    def steps(self, steps: list[Mapping[str, Any]]) -> None:
        for step in steps:
            assert step.keys() <= _KEYS, f"{step.keys() - _KEYS} is not known here"
            outcome, outputs = self._step(step)
            if "id" in step:
                self.contexts["steps"][step["id"]] = {"outcome": outcome, "outputs": outputs}
            self.failed = self.failed or outcome == "failure"

    def expression(self) -> Expression:
        status = {"success": not self.failed, "failure": self.failed, "always": True, "cancelled": False}
        return Expression(self.contexts, status)

    def _step(self, step: Mapping[str, Any]) -> tuple[str, Mapping[str, str]]:
        told = self.expression()
        if not told.holds(step.get("if")):
            return "skipped", {}
        own = {name: told.render(value) for name, value in step.get("env", {}).items()}
        if "run" in step:
            assert "${{" not in step["run"], "an expression in a script takes its text for code"
            return self._run(step, own)
        given = {name: told.render(value) for name, value in step.get("with", {}).items()}
        action = step["uses"].partition("@")[0]
        assert action in self.machine.actions, f"{action} is not in the table of actions"
        try:
            outputs = self.machine.actions[action](self, given)
        except ActionFailedError as error:
            self.log += f"{error}\n"
            return "failure", error.outputs
        return "success", outputs or {}

    def _run(self, step: Mapping[str, Any], own: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        files = {name: self.folder.parent / f"{name}.txt" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        script = self.folder.parent / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        done = subprocess.run(
            [part.replace("{0}", str(script)) for part in shlex.split(step.get("shell", self.shell))],
            cwd=self.folder,
            env={
                **self.machine.environment,
                **self.contexts["env"],
                **own,
                **{name: str(file) for name, file in files.items()},
                "GH_PERMISSIONS": json.dumps(self.permissions),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        self.log += done.stdout
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
        self.machine.runs.append(f"{self.name}: {step.get('name', step['run'])}")
        outputs = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text("utf-8").splitlines())
        return ("failure" if done.returncode else "success"), outputs


class ActionFailedError(Exception):
    """A `uses` step failed; `outputs` are what it gave before."""

    def __init__(self, text: str, outputs: Mapping[str, str]) -> None:
        super().__init__(text)
        self.outputs = outputs


def composite(path: Path) -> Callable[[Job, Mapping[str, str]], Mapping[str, str]]:
    """A composite action, from its own file: its steps see its inputs, and the job its outputs."""
    action = load(path)
    assert action["runs"]["using"] == "composite"

    def run(job: Job, given: Mapping[str, str]) -> Mapping[str, str]:
        assert given.keys() <= action["inputs"].keys(), f"{path} has no input {given.keys() - action['inputs'].keys()}"
        inputs = {name: given.get(name, declared.get("default", "")) for name, declared in action["inputs"].items()}
        github = {**job.contexts["github"], "action_path": str(path.parent)}
        contexts = {**job.contexts, "inputs": inputs, "github": github, "steps": {}}
        inner = Job(job.machine, job.name, contexts, job.permissions, job.folder, "")
        inner.steps(action["runs"]["steps"])
        job.log, job.summary = job.log + inner.log, job.summary + inner.summary
        told = inner.expression()
        outputs = {name: told.render(declared["value"]) for name, declared in action["outputs"].items()}
        if inner.failed:
            raise ActionFailedError(f"{path} failed", outputs)
        return outputs

    return run


def run_workflow(path: Path, machine: Machine, github: Mapping[str, Any], variables: Mapping[str, str]) -> Run:
    """All jobs of a workflow, in the order in which they need each other (which is that of the file)."""
    workflow = load(path)
    assert workflow["permissions"] == {}, "what a job may do stands at the job"
    inputs = github["event"].get("inputs", {})
    ran = Run()
    for name, job in workflow["jobs"].items():
        assert job.keys() <= _JOB_KEYS, f"{job.keys() - _JOB_KEYS} is not known here"
        ran.jobs[name] = _job(name, job, workflow["defaults"]["run"]["shell"], machine, ran, github, variables, inputs)
    return ran


@dataclass
class Run:
    """What a run of a workflow did: of each job the result, and whatever it printed."""

    jobs: dict[str, Job | None] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def result(self, name: str) -> str:
        job = self.jobs[name]
        return "skipped" if job is None else "failure" if job.failed else "success"

    @property
    def conclusion(self) -> str:
        return "failure" if any(job and job.failed for job in self.jobs.values()) else "success"

    @property
    def log(self) -> str:
        return "".join(job.log for job in self.jobs.values() if job)


def _job(
    name: str,
    job: Mapping[str, Any],
    shell: str,
    machine: Machine,
    ran: Run,
    github: Mapping[str, Any],
    variables: Mapping[str, str],
    inputs: Mapping[str, str],
) -> Job | None:
    needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
    needs = {one: {"result": ran.result(one), "outputs": ran.outputs.get(one, {})} for one in needed}
    folder = machine.folder / f"{github['run_id']}-{name}" / "work"
    folder.mkdir(parents=True)
    temp = folder.parent / "temp"
    temp.mkdir()
    contexts = {
        "github": github,
        "vars": variables,
        "inputs": inputs,
        "needs": needs,
        "steps": {},
        "env": {},
        "runner": {"temp": str(temp)},
    }
    one = Job(machine, name, contexts, job["permissions"], folder, shell)
    results = {found["result"] for found in needs.values()}
    status = {
        "success": results <= {"success"},
        "failure": any(result == "failure" for result in _upward(ran, needed)),
        "always": True,
        "cancelled": False,
    }
    if not Expression(contexts, status).holds(job.get("if")):
        return None
    contexts["env"] = {key: one.expression().render(value) for key, value in job.get("env", {}).items()}
    one.steps(job["steps"])
    told = one.expression()
    ran.outputs[name] = {key: told.render(value) for key, value in job.get("outputs", {}).items()}
    return one


def _upward(ran: Run, needed: list[str]) -> Iterator[str]:
    return (ran.result(one) for one in needed)


def bash_environment(path: Path) -> dict[str, str]:
    """The machine's environment with a folder of programs before all others, and without what names a GitHub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GH_", "ACTIONS_"))}
    return kept | {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
