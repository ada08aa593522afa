"""OpenTelemetry: what a collector receives over OTLP/HTTP, and that none can harm or slow a command."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ftctl.cli import telemetry
from ftctl.clients.trace import template
from ftctl.core import spans
from ftctl.core.errors import Exit
from ftctl.local import identity

VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Takes spans as a collector does; `status` is its answer, given after `delay` seconds."""

    daemon_threads = True
    status, delay = 200, 0.0

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests, self.resources, self.raw = [], [], b""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def spans(self):
        return [
            span
            for one in self.requests
            for resource in one.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name):
        return [span for span in self.spans if span.name == name]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        threading.Event().wait(self.server.delay)
        assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
        self.server.raw += body
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def collector(monkeypatch):
    with Collector() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv(VARIABLE, server.url)
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_SERVICE_NAME", "TRACEPARENT", VARIABLE):
        monkeypatch.delenv(name, raising=False)


def facts(span):
    values = {one.key: one.value for one in span.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


def line(collector, span):
    """The names of a span and all that it is part of, up to the command."""
    by_id = {one.span_id: one for one in collector.spans}
    names = [span.name]
    while span := by_id.get(span.parent_span_id):
        names.append(span.name)
    return names


def test_an_apply_is_a_tree_of_spans(ftctl, collector, project, monkeypatch):
    monkeypatch.setenv("TRACEPARENT", PARENT)
    ftctl("init")
    collector.requests.clear()
    said = ftctl("apply", "--auto-approve")
    assert said.code == 0
    assert "OpenTelemetry" not in said.err
    (root,) = collector.named("ftctl apply")
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert facts(root)["process.exit.code"] == 0
    assert root.status.code == 0  # unset: nothing went wrong
    assert [line(collector, span) for span in collector.named("observe")] == [["observe", "plan", "ftctl apply"]]
    assert [line(collector, span) for span in collector.named("load")] == [["load", "ftctl apply"]]

    steps = {facts(one)["ftctl.address"]: one for one in collector.spans if one.name.startswith("step ")}
    assert {"resourceGroup/rg-tone", "account/main", "dataset/train", "job/tone"} <= steps.keys()
    for step in steps.values():
        told = facts(step)
        assert (told["ftctl.stack"], told["ftctl.action"]) == ("tone", "create")
        assert told["ftctl.result"] == "done"
        assert line(collector, step) == ["step create", "execute", "ftctl apply"]
        assert root.start_time_unix_nano <= step.start_time_unix_nano <= step.end_time_unix_nano
        assert step.end_time_unix_nano <= root.end_time_unix_nano

    calls = [one for one in collector.spans if one.kind == 3]  # a client's
    assert len(calls) > 10
    uploads = [one for one in calls if one.name == "POST /cognitiveservices/{account}/openai/v1/files"]
    assert {tuple(line(collector, one)[1:]) for one in uploads} == {("step create", "execute", "ftctl apply")}
    listed = [one for one in calls if "plan" in line(collector, one)]
    assert {"observe"} == {line(collector, one)[1] for one in listed if one.name.endswith("/accounts")}
    (people,) = [one for one in calls if one.name == "GET /v1.0/groups" and "plan" in line(collector, one)]
    assert line(collector, people)[1:] == ["observe", "plan", "ftctl apply"]
    group = next(one for one in calls if one.name == "PUT /subscriptions/{subscription}/resourceGroups/{group}")
    told = facts(group)
    assert (told["http.request.method"], told["http.response.status_code"]) == ("PUT", 201)
    assert (told["server.address"], told["url.template"]) == ("127.0.0.1", group.name.partition(" ")[2])
    assert told["azure.service.request.id"]
    for word in (*secrets(project), "Bearer", "eyJ", "api-version", "office"):
        assert word.encode() not in collector.raw


def secrets(project):
    """What the local Azure keeps secret, and the words of a row."""
    content = json.loads((project / ".ftctl/local/secrets.json").read_text("utf-8"))
    found = [word for word in _texts(content) if len(word) >= 20 and word != identity.FTCTL_LOCAL.client_id]
    rows = (project / "specs/data/train.jsonl").read_text("utf-8").splitlines()
    assert len(found) >= 2
    return [*found, *(message["content"] for row in rows[:3] for message in json.loads(row)["messages"])]


def _texts(content):
    for one in content.values() if isinstance(content, dict) else content:
        yield from [one] if isinstance(one, str) else _texts(one) if isinstance(one, dict | list) else []


def test_what_fails_is_marked_by_a_word(ftctl, collector):
    ftctl("init")
    ftctl("local", "faults", "add", "refuse", "--status", "403", "--path", "*/accounts", "--times", "1")
    assert ftctl("plan").code == Exit.PERMISSION
    (plan,) = collector.named("plan")
    assert (plan.status.code, plan.status.message, facts(plan)["error.type"]) == (2, "", "FT2004")
    (call,) = [one for one in collector.spans if facts(one).get("http.response.status_code") == 403]
    assert facts(call)["error.type"] == "403"
    root = collector.named("ftctl plan")[-1]
    assert (root.status.code, facts(root)["error.type"]) == (2, str(int(Exit.PERMISSION)))


def test_a_failed_step_has_its_code(ftctl, collector):
    ftctl("init")
    ftctl("local", "faults", "add", "job", "training", "--times", "1")
    assert ftctl("apply", "--auto-approve").code == Exit.PARTIAL
    (step,) = [one for one in collector.spans if facts(one).get("ftctl.address") == "job/tone"]
    assert (facts(step)["ftctl.result"], facts(step)["error.type"], step.status.code) == ("failed", "FT3201", 2)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "ftctl"),
        ({"OTEL_SERVICE_NAME": "desk"}, "desk"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=room,a=b"}, "room"),
    ],
)
def test_the_service_has_the_name_of_the_variables_or_ours(ftctl, collector, monkeypatch, environ, name):
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    ftctl("explain", "FT3101")
    resource = collector.requests[0].resource_spans[0].resource
    assert facts(resource)["service.name"] == name


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({VARIABLE: "http://c"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", VARIABLE: "http://c"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", VARIABLE: "http://c"}, False),
        ({"OTEL_SERVICE_NAME": "desk"}, False),
        ({}, False),
    ],
)
def test_only_the_standard_variables_ask_for_it(environ, wanted):
    assert telemetry.asked(environ) is wanted


def test_what_does_not_ask_gets_none(ftctl, collector, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    said = ftctl("explain", "FT3101")
    assert (said.code, said.err, collector.requests) == (0, "", [])


@pytest.mark.parametrize(
    "environ",
    [{"OTEL_TRACES_EXPORTER": "console"}, {VARIABLE: "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}],
)
def test_what_cannot_be_had_is_told_in_a_line(ftctl, monkeypatch, environ):
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    said = ftctl("explain", "FT3101")
    assert said.code == 0
    assert said.err == "OpenTelemetry: no spans are sent, as ftctl sends them by otlp and http/protobuf alone.\n"


def test_without_the_extra_there_is_a_hint(ftctl, monkeypatch):
    monkeypatch.setenv(VARIABLE, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # as if it were not there
    said = ftctl("explain", "FT3101")
    assert said.code == 0
    assert said.err == "OpenTelemetry is asked for by OTEL_ variables and not installed: pip install 'ftctl[otel]'.\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_BSP_SCHEDULE_DELAY", "soon"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"), ("OTEL_EXPORTER_OTLP_HEADERS", "=;")],
)
def test_a_variable_that_cannot_be_read_fails_nothing(ftctl, collector, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert ftctl("explain", "FT3101").code == 0


def test_a_collector_that_refuses_is_told_of_once(ftctl, collector):
    collector.status = 400
    said = ftctl("explain", "FT3101")
    assert said.code == 0
    assert said.err == "OpenTelemetry: the collector does not take the spans; the command does not mind.\n"


def test_a_collector_that_hangs_holds_up_for_a_bounded_time(project, collector):
    collector.delay = 60
    code = (
        "import sys; from ftctl.cli import root, telemetry; telemetry.PATIENCE = 0.3; sys.exit(root.run(['explain']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0
    assert done.stderr.startswith("OpenTelemetry: not all spans could be sent within 0.3 seconds")


def test_nothing_of_it_is_imported_where_nobody_asks(project):
    code = (
        "import sys; from ftctl.cli.root import run; code = run(['graph', '-h'])\n"
        "print(code, [name for name in sys.modules if 'opentelemetry' in name or 'telemetry' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("0 []\n")
    assert not spans.heard()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (
            "/subscriptions/0/resourceGroups/rg/providers/A.B",
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/A.B",
        ),
        ("/providers/A.B/accounts/a/deployments/d", "/providers/A.B/accounts/{account}/deployments/{deployment}"),
        ("/openai/v1/fine_tuning/jobs/ftjob-1/events", "/openai/v1/fine_tuning/jobs/{job}/events"),
        ("/openai/v1/files", "/openai/v1/files"),
        ("/openai/v1/files/", "/openai/v1/files/"),
        ("/openai/v1/files/file-1/content", "/openai/v1/files/{file}/content"),
        ("/5f0c1a2b-0000-4000-8000-000000000001/oauth2/v2.0/token", "/{id}/oauth2/v2.0/token"),
        ("", ""),
    ],
)
def test_a_path_names_nothing(path, shown):
    assert template(path) == shown
