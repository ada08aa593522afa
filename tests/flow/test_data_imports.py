"""Data that the service fetches from an address, and data that somebody has uploaded before."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ftctl.cli.root import run
from ftctl.clients import Trace
from ftctl.core.changes import Action, Reason
from ftctl.core.errors import Exit, FtctlError
from ftctl.core.model import Address, Mode
from ftctl.local.azure import Fault, Settings

from .conftest import actions, examples, refused
from .ending import assert_converged, patiently

SAS = "sv=2026-01-01&sp=r&sig=Zm9vYmFyK3NlY3JldC9zaWduYXR1cmU%3D"
SECRETS = [SAS, "Zm9vYmFyK3NlY3JldC9zaWduYXR1cmU"]
ARCHIVE = Address("dataset", "archive")
IMPORT, CONTENT, DELETE = "imports.start", "files.content", "files.delete"


class Source(BaseHTTPRequestHandler):
    """Serves what its server holds, to those who know the signature."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        known = self.path == f"/ft/train.jsonl?{SAS}"
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(self.server.content) if known else 0))
        self.end_headers()
        if known:
            self.wfile.write(self.server.content)


@contextmanager
def serving(content: bytes):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    server.content, server.asked = content, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def rows():
    return "".join(json.dumps(row) + "\n" for row in examples(12, "archive")).encode()


@pytest.fixture
def source(rows):
    with serving(rows) as server:
        yield server


@pytest.fixture
def sas(monkeypatch):
    monkeypatch.setenv("FT_SAS", SAS)


@pytest.fixture
def imported(lab, source, sas, rows):
    """A stack that imports its one dataset. It gives its declaration, to be changed."""
    declared = {
        "url": f"http://127.0.0.1:{source.server_port}/ft/train.jsonl?${{FT_SAS}}",
        "sha256": hashlib.sha256(rows).hexdigest(),
    }
    lab.spec |= {"datasets": {"archive": declared}, "jobs": {}, "deployments": {}}
    return declared


def calls(lab, route: str) -> int:
    return sum(call.route == route for call in lab.azure.calls)


def problem_of(report):
    (problem,) = [outcome.problem for outcome in report.outcomes if outcome.problem]
    return problem


# --- import


def test_the_service_fetches_it_and_its_hash_is_proved(lab, imported, source, rows):
    assert actions(lab.plan())["dataset/archive"] == "create"
    assert lab.apply().exit is Exit.DONE
    (file,) = lab.stored("file")
    assert file["filename"] == f"ftctl--tone--archive--{imported['sha256']}.import.jsonl"
    assert (lab.azure.blobs / "files" / file["id"]).read_bytes() == rows
    assert len(source.asked) == calls(lab, IMPORT) == calls(lab, CONTENT) == 1
    assert_converged(lab)


def test_a_new_signature_imports_and_trains_nothing(lab, imported, source, monkeypatch):
    lab.spec["jobs"] = {"tone": {"model": "gpt-4.1-mini-2025-04-14", "training": "archive", "seed": 1}}
    assert lab.apply().exit is Exit.DONE
    imported["url"] = "https://other.blob.core.windows.net/ft/train.jsonl?${FT_SAS}"
    monkeypatch.setenv("FT_SAS", "sv=2027&sig=YW5vdGhlci1zaWduYXR1cmU%3D")
    assert lab.plan().empty
    assert len(lab.jobs()) == 1


def test_what_a_job_has_learned_from_is_not_read_back_again(lab, imported):
    lab.spec["jobs"] = {"tone": {"model": "gpt-4.1-mini-2025-04-14", "training": "archive", "seed": 1}}
    lab.apply()
    read = calls(lab, CONTENT)
    assert read == 1
    assert lab.plan().empty
    assert calls(lab, CONTENT) == read


def test_an_import_and_an_upload_of_one_content_are_one_file(lab, imported, rows):
    (lab.folder / "local.jsonl").write_bytes(rows)
    lab.spec["datasets"]["local"] = {"path": "local.jsonl"}
    assert lab.apply().exit is Exit.DONE
    assert len(lab.stored("file")) == 1
    assert_converged(lab)


def test_other_content_than_was_asked_for_is_deleted_again(lab, imported, source, rows):
    source.content = rows.replace(b"number 7", b"number 8")
    problem = problem_of(lab.apply())
    assert (problem.code, problem.where.path.rpartition("/")[2]) == ("FT2211", "stack.yaml")
    assert problem.subject == "dataset/archive"
    assert hashlib.sha256(source.content).hexdigest()[:12] in problem.what
    assert lab.stored("file") == []
    source.content = rows
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)


@pytest.mark.parametrize("sound", [True, False])
def test_killed_before_the_proof_the_next_plan_reads_it_back(lab, imported, source, rows, sound):
    """The name says what was asked for, so that it proves nothing by itself."""
    source.content = rows if sound else rows.replace(b"number 7", b"number 8")
    dead = []

    def kill(_request, route):
        dead.extend([1] if route.name == "files.get" else [])
        return Fault("lose") if dead else None

    lab.azure.faults.append(kill)
    assert lab.apply().exit is not Exit.DONE
    lab.azure.faults.clear()
    lab.clock.advance(600)
    source.content = rows
    plan = lab.plan()
    assert actions(plan) == ({} if sound else {"dataset/archive": "create"})
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty
    assert calls(lab, IMPORT) == (1 if sound else 2)


def test_an_import_under_way_is_waited_for_by_the_next_run(lab, imported, source):
    lab.apply(Mode.NORMAL)
    lab.destroy()
    lab.azure.settings = Settings(pace=1)
    for _ in range(40):
        if lab.apply(wait=0.0).exit is Exit.PENDING and lab.stored("file"):
            break
        lab.clock.advance(60)
    assert actions(lab.plan()) == {"dataset/archive": "wait"}
    assert lab.apply().exit is Exit.DONE
    assert lab.plan().empty


def test_the_wrong_content_is_found_by_the_next_run_too(lab, imported, source, rows):
    lab.spec["datasets"] = {}
    lab.apply()
    lab.spec["datasets"] = {"archive": imported}
    lab.azure.settings = Settings(pace=1)
    source.content = rows.replace(b"number 7", b"number 8")
    assert lab.apply(wait=0.0).exit is Exit.PENDING
    assert problem_of(lab.apply()).code == "FT2211"
    assert lab.stored("file") == []


@pytest.mark.parametrize("way", ["expired", "unreachable"])
def test_what_cannot_be_fetched_is_told_and_tried_again_by_the_next_apply(lab, imported, source, monkeypatch, way):
    if way == "expired":
        monkeypatch.setenv("FT_SAS", SAS.replace("sig=", "sig=old"))
    else:
        imported["url"] = "http://127.0.0.1:9/ft/train.jsonl?${FT_SAS}"
    problem = problem_of(lab.apply())
    assert problem.code == "FT2214"
    assert ("403" in problem.what) == (way == "expired")
    assert lab.stored("file") == []
    monkeypatch.setenv("FT_SAS", SAS)
    imported["url"] = f"http://127.0.0.1:{source.server_port}/ft/train.jsonl?${{FT_SAS}}"
    assert lab.apply().exit is Exit.DONE


def test_a_host_that_the_service_refuses_is_told_without_its_address(lab, imported):
    imported["url"] = "https://acct.blob.example.org/ft/train.jsonl?${FT_SAS}"
    problem = problem_of(lab.apply())
    assert problem.code in {"FT2100", "FT2203"}
    assert not any(secret in repr(problem) for secret in SECRETS)


@pytest.mark.parametrize("fault", [Fault("lose", after=True), Fault(after=True), Fault("lose"), Fault()])
def test_an_import_without_an_answer_is_made_once(lab, imported, fault):
    happened = []

    def once(_request, route):
        if route.name == IMPORT and not happened:
            happened.append(1)
            return fault
        return None

    lab.azure.faults.append(once)
    assert lab.apply().exit is Exit.DONE
    assert happened
    assert len(lab.stored("file")) == 1
    assert_converged(lab)


def test_content_that_cannot_be_read_back_is_taken_at_its_word(lab, imported):
    def deny(_request, route):
        return Fault(status=405, code="notAllowed", message="No.") if route.name == CONTENT else None

    lab.azure.faults.append(deny)
    assert lab.apply().exit is Exit.DONE
    assert_converged(lab)


def test_a_read_back_that_breaks_is_no_verdict(lab, imported):
    def break_off(_request, route):
        return Fault("cut", after=True) if route.name == CONTENT else None

    lab.azure.faults.append(break_off)
    assert problem_of(lab.apply()).code in {"FT2023", "FT2024"}
    lab.azure.faults.clear()
    assert patiently(lab) == 1
    assert_converged(lab)


def test_data_that_the_service_refuses_is_refused_for_good(lab, imported, source):
    source.content = b"{}\n"
    imported["sha256"] = hashlib.sha256(source.content).hexdigest()
    assert problem_of(lab.apply()).code == "FT3202"
    assert refused(lab.apply) == ["FT3004"]


@pytest.mark.parametrize("case", ["well", "wrong content", "refused", "unreachable", "bad spec"])
def test_the_signature_is_nowhere(lab, imported, source, rows, case, tmp_path, capsys):
    """In no event, plan, error, trace or plan file, whatever happens."""
    match case:
        case "wrong content":
            source.content = rows * 2
        case "refused":
            imported["url"] = "https://acct.blob.example.org/ft/train.jsonl?${FT_SAS}"
        case "unreachable":
            imported["url"] = "http://127.0.0.1:9/ft/train.jsonl?${FT_SAS}"
        case "bad spec":
            imported["url"] = "ftp://acct.example.org/ft/train.jsonl?${FT_SAS}"
    log = tmp_path / "trace.txt"
    with log.open("w") as out:
        lab.trace = Trace(out)
        told = []
        try:
            plan = lab.plan()
            told += [repr(plan), plan.digest()]
            report = lab.apply(emit=told.append)
            told.append(repr(report))
        except FtctlError as error:
            assert case == "bad spec"
            told += [repr(error.problems), str(error)]
    text = log.read_text() + repr(told) + capsys.readouterr().err
    assert case == "bad spec" or "files/import" in text
    assert not any(secret in text for secret in SECRETS)
    assert not any(secret in json.dumps(lab.stored("file")) for secret in SECRETS)


ECHOES = [SAS, "Zm9vYmFyK3NlY3JldC9zaWduYXR1cmU=", f"q={SAS}", "token Zm9vYmFyK3NlY3JldC9zaWduYXR1cmU%3D is no good"]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_service_that_repeats_the_signature_is_not_quoted(lab, imported, echo, when):
    def refuse(_request, route):
        if when == "at once" and route.name == IMPORT:
            return Fault(status=400, code="invalidPayload", message=f"Cannot use {echo}")
        for file in lab.stored("file"):
            if "_problem" not in file or "Cannot" not in str(file["_problem"]):
                odd = {"_problem": f"Cannot use {echo}", "_code": "fileImportFailed"}
                lab.azure.store.put("file", file["id"], file | odd, parent=file["_account"])
        return None

    lab.azure.faults.append(refuse)
    report = lab.apply()
    assert "Cannot use" in problem_of(report).what
    assert not any(secret in repr(report) + repr(lab.events) for secret in SECRETS)
    assert not any(secret in repr(change) for change in lab.plan().changes for secret in SECRETS)


def test_the_command_line_never_shows_it_either(lab, imported, tmp_path, monkeypatch, capsys):
    """Through the front door, which also saves plans and shows lines of the spec."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FTCTL_LOCAL_DIR", str(tmp_path / "local"))
    lab.stack()
    trace, saved = tmp_path / "t.log", tmp_path / "plan.json"
    codes = [
        run(["plan", "stack.yaml", "--out", str(saved), "--trace", str(trace), "-o", "json"]),
        run(["apply", "stack.yaml", "--auto-approve", "--trace", str(trace)]),
    ]
    imported["url"] = imported["url"].replace("http:", "ftp:")
    lab.spec["datasets"] = {"archive": imported}
    (lab.folder / "stack.yaml").write_text(json.dumps(lab.spec))
    codes += [run(["validate", "stack.yaml", "-o", form]) for form in ("text", "json", "sarif", "github")]
    out, err = capsys.readouterr()
    everything = out + err + trace.read_text() + saved.read_text()
    assert codes[2:] == [65] * 4, codes
    assert "FT1260" in everything
    assert not any(secret in everything for secret in SECRETS)


# --- files that are there already


@pytest.fixture
def named(lab, rows):
    """A file that somebody has uploaded by hand, and a stack that names it."""
    lab.spec |= {"datasets": {}, "jobs": {}, "deployments": {}}
    lab.apply()
    (account,) = [one["id"].lower() for one in lab.stored("account")]
    path = lab.azure.blobs / "files" / "by-hand.part"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(rows)
    from ftctl.local import files  # noqa: PLC0415

    file = files.adopt(lab.azure, account, path, "mine.jsonl", "fine-tune")
    lab.clock.advance(60)
    lab.spec["datasets"] = {"existing": {"fileId": file["id"]}}
    return file


def change(file, lab, **fields):
    lab.azure.store.put("file", file["id"], file | fields, parent=file["_account"])


def test_a_named_file_is_used_and_never_deleted(lab, named):
    lab.spec["jobs"] = {"tone": {"model": "gpt-4.1-mini-2025-04-14", "training": "existing", "seed": 1}}
    plan = lab.plan()
    (existing,) = [one for one in plan.changes if one.address.kind == "dataset"]
    assert (existing.action, existing.reason, existing.live.id) == (Action.NOOP, Reason.REFERENCED, named["id"])
    assert lab.apply().exit is Exit.DONE
    (job,) = lab.stored("job")
    assert job["training_file"] == named["id"]
    assert_converged(lab)
    assert lab.destroy().exit is Exit.DONE
    assert [file["id"] for file in lab.stored("file") if file["purpose"] == "fine-tune"] == [named["id"]]


def test_a_named_file_of_our_own_has_its_hash(lab, named):
    """The same content by its path or by its id is the same recipe."""
    job = {"model": "gpt-4.1-mini-2025-04-14", "training": "existing", "seed": 1}
    lab.spec |= {"datasets": {"existing": {"path": "train.jsonl"}}, "jobs": {"tone": job}}
    assert lab.apply().exit is Exit.DONE
    (file,) = [one for one in lab.stored("file") if one["filename"].startswith("ftctl--")]
    lab.spec["datasets"] = {"existing": {"fileId": file["id"]}}
    assert lab.plan().empty
    assert len(lab.jobs()) == 1


def test_a_named_import_is_read_back_before_its_name_is_believed(lab, named, rows):
    claimed = f"ftctl--tone--archive--{'0' * 64}.import.jsonl"
    change(named, lab, filename=claimed)
    (live,) = [one.live for one in lab.plan().changes if one.address.kind == "dataset"]
    assert live.outputs["sha256"] == hashlib.sha256(rows).hexdigest()


def test_a_named_file_that_is_not_there_is_a_problem_of_the_plan(lab, named):
    lab.spec["datasets"]["existing"]["fileId"] = "file-0000"
    (problem,) = lab.plan().problems
    assert (problem.code, problem.what) == ("FT2213", "there is no file file-0000 in the account")
    assert problem.where == lab.stack().resource(Address("dataset", "existing")).place("fileId")
    assert refused(lab.apply) == ["FT2213"]


def test_a_named_file_in_an_account_that_is_not_there_is_a_problem_too(lab):
    lab.spec |= {"datasets": {"existing": {"fileId": "file-1"}}, "jobs": {}, "deployments": {}}
    assert [problem.code for problem in lab.plan().problems] == ["FT2213"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"purpose": "assistants"}, "is for `assistants`, not for `fine-tune`"),
        ({"_problem": "No valid json line found in file."}, "No valid json line"),
    ],
)
def test_a_named_file_that_is_unfit_is_a_problem_of_the_plan(lab, named, fields, said):
    change(named, lab, **fields)
    (problem,) = lab.plan().problems
    assert problem.code == "FT2213"
    assert said in problem.what


def test_a_named_file_that_is_still_checked_is_waited_for(lab, named):
    change(named, lab, _ready_at=lab.azure.moment() + 100)
    assert actions(lab.plan()) == {"dataset/existing": "wait"}
    assert lab.apply().exit is Exit.DONE


# --- declarations


@pytest.mark.parametrize(
    ("declared", "codes"),
    [
        ({}, ["FT1253"]),
        ({"path": "train.jsonl", "fileId": "file-1"}, ["FT1253"]),
        ({"path": "train.jsonl", "url": "https://a.example/b", "sha256": "0" * 64}, ["FT1253"]),
        ({"url": "https://a.example/b"}, ["FT1259"]),
        ({"path": "train.jsonl", "sha256": "0" * 64}, ["FT1259"]),
        ({"url": "train.jsonl", "sha256": "0" * 64}, ["FT1260"]),
        ({"url": "http://[::1", "sha256": "0" * 64}, ["FT1260"]),
        ({"fileId": "file-1", "bom": "strip"}, ["FT1261"]),
        ({"fileId": "file-1", "allow": ["0a"]}, ["FT1261"]),
        ({"url": "https://a.example/b", "sha256": "abc"}, ["FT1104"]),
    ],
)
def test_a_dataset_is_named_in_one_way(lab, declared, codes):
    lab.spec |= {"datasets": {"odd": declared}, "jobs": {}, "deployments": {}}
    with pytest.raises(FtctlError) as caught:
        lab.stack()
    assert [problem.code for problem in caught.value.problems] == codes
    assert all(problem.where.line for problem in caught.value.problems)
