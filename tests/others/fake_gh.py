"""A stand-in for GitHub's `gh`: it keeps pull requests, comments, labels, issues and artifacts in one JSON file.

It answers what the kit asks, in the shape that GitHub's REST API describes, refuses what the job's `permissions` do not
allow, and fails at anything else. `--jq` is real jq.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import jq

HERE = Path(os.environ["FAKE_GITHUB"])
STATE = HERE / "state.json"
BOT = {"login": "github-actions[bot]", "type": "Bot"}
VALUED = ("--method", "--jq", "-f", "-F", "--raw-field", "--repo", "--name", "--dir", "--state", "--label", "--json")
VALUED += ("--title", "--body-file", "--comment", "--color", "--description")
FLAGS = {"--paginate", "--silent", "--force"}
ROUTES = []


def route(method, pattern, needs):
    def add(function):
        ROUTES.append((method, re.compile(pattern), needs, function))
        return function

    return add


@route("GET", r"pulls", {"pull-requests": "read"})
def pulls(state, asked):
    wanted = [one for one in state["pulls"] if one["state"] == asked.get("state", "open")]
    wanted = [one for one in wanted if one["base"]["ref"] == asked.get("base", one["base"]["ref"])]
    return [one for one in wanted if one["head"]["label"] == asked.get("head", one["head"]["label"])]


@route("GET", r"commits/(\w+)/pulls", {"contents": "read", "pull-requests": "read"})
def pulls_of(state, asked, sha):
    return [one for one in state["pulls"] if sha in {one["head"]["sha"], one["merge_commit_sha"]}]


@route("GET", r"issues/(\d+)/comments", {"pull-requests": "read"})
def comments(state, asked, number):
    return [one for one in state["comments"] if one["issue"] == int(number)]


@route("POST", r"issues/(\d+)/comments", {"pull-requests": "write"})
def comment(state, asked, number):
    made = {"id": len(state["comments"]) + 1, "issue": int(number), "user": BOT, "body": asked["body"]}
    state["comments"].append(made)
    return made


@route("PATCH", r"issues/comments/(\d+)", {"pull-requests": "write"})
def comment_again(state, asked, number):
    (one,) = [one for one in state["comments"] if one["id"] == int(number) and one["user"] == BOT]
    one |= {"body": asked["body"], "edits": one.get("edits", 0) + 1}
    return one


@route("GET", r"issues/(\d+)/labels", {"pull-requests": "read"})
def labels(state, asked, number):
    return [{"name": name} for name in state["labels"].get(number, [])]


@route("POST", r"issues/(\d+)/labels", {"pull-requests": "write"})
def label(state, asked, number):
    state["labels"][number] = sorted({*state["labels"].get(number, []), *asked["labels"]})
    return labels(state, asked, number)


@route("DELETE", r"issues/(\d+)/labels/(.+)", {"pull-requests": "write"})
def unlabel(state, asked, number, name):
    state["labels"][number].remove(unquote(name))
    return labels(state, asked, number)


@route("GET", r"actions/artifacts", {"actions": "read"})
def artifacts(state, asked):
    return {"artifacts": [one for one in state["artifacts"] if one["name"] == asked["name"]]}


@route("GET", r"actions/runs/(\d+)", {"actions": "read"})
def run(state, asked, number):
    return state["runs"][number]


def main(words):
    positional, given = parsed(words)
    with (HERE / "calls.txt").open("a", encoding="utf-8") as calls:
        calls.write(" ".join(words).replace("\n", " ") + "\n")
    state = json.loads(STATE.read_text("utf-8"))
    match positional:
        case ["api", path]:
            answer = api(state, path, given)
        case ["run", "download", number]:
            return download(state, number, given)
        case ["label", "create", name]:
            allowed({"issues": "write"})
            state["repository_labels"].append(name)
            answer = None
        case ["issue", "list"]:
            allowed({"issues": "read"})
            (wanted,) = given["--label"]
            answer = [one for one in state["issues"] if one["state"] == "open" and wanted in one["labels"]]
        case ["issue", action, *numbers] if action in {"create", "edit", "close"}:
            allowed({"issues": "write"})
            answer = issue(state, action, numbers, given)
        case _:
            fail(f"what is {words}?")
    STATE.write_text(json.dumps(state, indent=1), encoding="utf-8")
    if "--silent" not in given and answer is not None:
        show(answer, given.get("--jq"))
    return 0


def parsed(words):
    positional, given, rest = [], {}, list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in VALUED:
            given.setdefault(name, []).append(value if equals else rest.pop(0))
        elif word in FLAGS:
            given[word] = True
        elif word.startswith("-"):
            fail(f"unknown option {word}")
        else:
            positional.append(word)
    return positional, given


def api(state, path, given):
    asked = dict(parse_qsl(path.partition("?")[2]))
    for name, value in fields(given):
        if name.endswith("[]"):
            asked.setdefault(name[:-2], []).append(value)
        else:
            asked[name] = value
    prefix = f"repos/{state['repository']}/"
    method = given.get("--method", ["POST" if fields(given) else "GET"])[0]
    for known, pattern, needs, function in ROUTES:
        found = pattern.fullmatch(path.partition("?")[0].removeprefix(prefix))
        if found and known == method:
            allowed(needs)
            return function(state, asked, *found.groups())
    return fail(f"no {method} {path}")


def fields(given):
    """-f takes text as it is, -F reads a file where one is named."""
    raw = [text.split("=", 1) for text in [*given.get("-f", []), *given.get("--raw-field", [])]]
    typed = [text.split("=", 1) for text in given.get("-F", [])]
    return raw + [
        [name, Path(value[1:]).read_text("utf-8") if value.startswith("@") else value] for name, value in typed
    ]


def issue(state, action, numbers, given):
    if action == "create":
        assert set(given["--label"]) <= set(state["repository_labels"]), "gh refuses a label that is not there"
        (file,) = given["--body-file"]
        made = {"number": 100 + len(state["issues"]), "state": "open", "labels": given["--label"]}
        state["issues"].append(made | {"title": given["--title"][0], "body": Path(file).read_text("utf-8")})
        return
    (one,) = [one for one in state["issues"] if one["number"] == int(numbers[0])]
    if action == "edit":
        one |= {"body": Path(given["--body-file"][0]).read_text("utf-8"), "edits": one.get("edits", 0) + 1}
    else:
        one |= {"state": "closed", "comment": given["--comment"][0]}
    return


def download(state, number, given):
    allowed({"actions": "read"})
    name, folder = given["--name"][0], Path(given["--dir"][0])
    (one,) = [one for one in state["artifacts"] if one["name"] == name and one["workflow_run"]["id"] == int(number)]
    shutil.copytree(HERE / "artifacts" / str(one["id"]), folder, dirs_exist_ok=True)
    return 0


def allowed(needs):
    """What a job's token may do: nothing that its `permissions` do not name, and to write is to read too."""
    own = json.loads(os.environ["GH_PERMISSIONS"])
    assert os.environ.get("GH_TOKEN"), "gh has no token"
    for scope, level in needs.items():
        if own.get(scope) not in {level, "write"}:
            fail(f"HTTP 403: Resource not accessible by integration ({scope}: {level})")


def show(answer, program):
    if not program:
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    for found in jq.compile(program[0]).input_value(answer).all():
        sys.stdout.write((found if isinstance(found, str) else json.dumps(found)) + "\n")


def fail(text):
    sys.stderr.write(f"gh: {text}\n")
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
