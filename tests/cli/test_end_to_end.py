"""A stack from `init` to `destroy`, by command lines alone, on the local Azure that comes with them."""

from __future__ import annotations

import io
import json
import os
import re
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from ftctl.core.errors import Exit
from ftctl.embedded import local_folder, running

SUMMARY = "Plan: 1 to train (≈ 0.053 USD), 0 to re-point, 0 interrupt serving, 0 to delete, 6 to create."
SPEC = Path("specs/tone.yaml")


def edit(path, before, after):
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def last(said):
    return said.out.rstrip("\n").rpartition("\n")[2]


def test_the_chain(ftctl, monkeypatch):
    ftctl("init")
    assert ftctl("plan").out.split("\n")[0] == SUMMARY
    assert ftctl("plan", "--detailed-exitcode").code == Exit.CHANGES
    assert "  -   job/tone                 missing   tone-" in ftctl("status").out
    assert ftctl("chat", "tone", "--once", "Hi").code == Exit.ERROR

    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    monkeypatch.setattr("ftctl.cli.execution.interactive", lambda: True)
    said = ftctl("apply")
    assert (said.code, "FT6008" in said.err) == (Exit.ERROR, True)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    said = ftctl("apply")
    assert said.code == Exit.DONE, said.err
    assert "tone answered: “" in said.out
    assert "✓ job/tone: created, ftjob-" in said.err
    assert last(said).startswith("tone: 7 created, 0 updated, 0 deleted in ")

    said = ftctl("plan", "--detailed-exitcode")
    assert (said.code, said.out) == (0, "tone: nothing to do. 7 things in Azure are as declared.\n")
    assert ftctl("apply", "--auto-approve").out == said.out
    assert {one["health"] for one in json.loads(ftctl("status", "-o", "json").out)["stacks"][0]["resources"]} == {
        "ready"
    }
    events = ftctl("logs", "tone", "--follow")
    assert (events.code, "Training started." in events.out) == (0, True)
    assert ftctl("chat", "tone", "--once", "Which plant likes a dark corner?").out.strip()
    monkeypatch.setattr("sys.stdin", io.StringIO("Hello\n\nAnd my fern?\n"))
    monkeypatch.setattr("ftctl.cli.chat.interactive", lambda: False)
    assert len(ftctl("chat", "deployment/tone").out.splitlines()) == 2
    wrong = ftctl("chat", "tune", "--once", "Hi")
    assert (wrong.code, 'Did you mean "tone"?' in wrong.err) == (Exit.USAGE, True)

    edit(SPEC, "capacity: 10", "capacity: 20")
    plan = json.loads(ftctl("plan", "-o", "json", "--trace=calls.txt").out)["plans"][0]
    (change,) = (change for change in plan["changes"] if change["actions"] != ["no-op"])
    assert (change["address"], change["actions"], plan["applyable"]) == ("deployment/tone", ["update"], True)
    assert "GET https://127.0.0.1" in Path("calls.txt").read_text(encoding="utf-8")

    said = ftctl("destroy", "--auto-approve")
    assert (said.code, "deleted" in last(said)) == (Exit.DONE, True)
    assert ftctl("destroy", "--auto-approve").out == "tone: nothing to destroy. It owns nothing in rg-tone.\n"


def test_a_saved_plan_is_applied_exactly_or_not_at_all(ftctl):
    ftctl("init")
    saved = ftctl("plan", "--out", "tone.plan")
    assert saved.err.rstrip().endswith("To apply exactly this: ftctl apply tone.plan")
    assert ftctl("apply", "tone.plan", "-e", "prod").code == Exit.USAGE
    edit(SPEC, "capacity: 10", "capacity: 20")
    said = ftctl("apply", "tone.plan")
    assert (said.code, said.err.count("error FT3101")) == (Exit.STALE, 1)
    assert "missing" in ftctl("status").out
    edit(SPEC, "capacity: 20", "capacity: 10")
    assert ftctl("apply", "tone.plan").code == Exit.DONE
    assert ftctl("apply", "tone.plan").code == Exit.STALE


def test_several_stacks_take_turns_under_a_heading(ftctl):
    ftctl("init")
    ftctl("init", "--name", "other")
    said = ftctl("plan")
    assert said.err.index("Stack other (specs/other.yaml)") < said.err.index("Stack tone (specs/tone.yaml)")
    first, *plans, last = re.findall("(?m)^Plan: .*$", said.out)
    assert last.startswith(first)
    assert len(plans) == 4  # each is long, and says it again at its end
    assert (
        said.out.index("2 of 2 stacks change.")
        < said.out.index("other in rg-other")
        < said.out.index("tone in rg-tone")
    )


def test_a_server_for_other_clients(project, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))

    def ftctl(*arguments):
        command = [sys.executable, "-m", "ftctl", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=project)

    assert ftctl("local", "env").returncode == Exit.ERROR
    up = ftctl("local", "up", "--detach")
    try:
        assert up.returncode == 0, up.stderr
        server = running(local_folder())
        assert up.stdout == f"The local Azure (not Microsoft Azure) is up at {server.url}\n"
        again, reset = ftctl("local", "up"), ftctl("local", "reset", "--yes")
        assert ("FT5001" in again.stderr, "FT5006" in reset.stderr) == (True, True)
        variables = json.loads(ftctl("local", "env", "-o", "json").stdout)
        shell = ftctl("local", "env").stdout
        assert all(f"export {name}=" in shell for name in variables)
        assert token(variables)
        assert "2 days ahead" in " ".join(ftctl("local", "clock", "advance", "2d").stdout.split())
    finally:
        down = ftctl("local", "down")
    assert down.stdout == "The local Azure is down. Its state stays in .ftctl/local.\n"
    assert running(local_folder()) is None
    assert ftctl("local", "down").stdout == "The local Azure is not up.\n"
    assert ftctl("local", "reset").returncode == Exit.USAGE
    assert ftctl("local", "reset", "--yes").returncode == 0
    assert [path.name for path in local_folder().iterdir()] == [".gitignore"]


def token(variables):
    """A token by what `env` printed and nothing else."""
    form = (
        f"grant_type=client_credentials&client_id={variables['AZURE_CLIENT_ID']}&scope=https://management.azure.com/.default"
        f"&client_secret={variables['AZURE_CLIENT_SECRET']}"
    )
    url = f"{variables['AZURE_AUTHORITY_HOST']}/{variables['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
    with urllib.request.urlopen(url, form.encode(), context=context, timeout=10) as reply:
        return json.load(reply)["access_token"]


def test_reset_leaves_what_is_not_the_local_azures(ftctl, project):
    (local_folder() / "mine.txt").write_text("keep", encoding="utf-8")
    assert ftctl("local", "reset", "--yes").code == 0
    assert {path.name for path in local_folder().iterdir()} == {".gitignore", "mine.txt"}
    assert project.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_used_is_told(ftctl, project):
    ftctl("init")
    (project / ".ftctl").chmod(0o500)
    try:
        assert "FT5005" in ftctl("plan").err
    finally:
        (project / ".ftctl").chmod(0o700)


def test_a_file_where_the_folder_should_be_is_told(ftctl, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    monkeypatch.setenv("FTCTL_LOCAL_DIR", str(tmp_path / "file"))
    ftctl("init")
    said = ftctl("plan")
    assert (said.code, "error FT5005: the local Azure cannot use its folder" in said.err) == (Exit.ERROR, True)
