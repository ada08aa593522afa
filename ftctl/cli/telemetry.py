"""OpenTelemetry, by its standard variables and where `ftctl[otel]` is installed: a span for each thing that is done.

A collector that is slow or gone holds up no command for longer than `PATIENCE`, and fails none.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ftctl import __version__
from ftctl.core import spans
from ftctl.core.clock import SystemClock

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

PATIENCE = 3.0  # seconds at the end of a command for what is not sent yet
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_GOOD = {0, 2, 3}  # done, changes, pending
_CLIENT = "http."  # facts of a call to Azure begin so


def asked(environ: Mapping[str, str]) -> bool:
    """Whether the variables want spans."""
    exporters = [word.strip() for word in environ.get("OTEL_TRACES_EXPORTER", "").lower().split(",") if word.strip()]
    wanted = exporters != ["none"] and (bool(exporters) or any(environ.get(name) for name in _ENDPOINTS))
    return wanted and environ.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"


@contextmanager
def traced(name: str, tell: Callable[[str], None]) -> Iterator[Callable[[int], None]]:
    """The command as a span, with all that it does; what is given takes its exit code."""
    provider = _provider(tell)
    if provider is None:
        yield _nothing
        return
    code = 1

    def ended(number: int) -> None:
        nonlocal code
        code = number

    listener = _Spans(provider)
    listener.root = root = listener.begin(name, None, {"ftctl.version": __version__})
    try:
        with spans.listening(listener), spans.within(root):
            yield ended
    finally:
        listener.note(root, {"process.exit.code": code})
        listener.end(root, failed="" if code in _GOOD else str(code))
        _flush(provider, tell)


def _nothing(_code: int) -> None:
    pass


def _provider(tell: Callable[[str], None]) -> TracerProvider | None:
    """Where spans are sent from; None with a hint where what is asked for cannot be had."""
    exporters = {word.strip() for word in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").lower().split(",")}
    protocol = next(filter(None, map(os.environ.get, _PROTOCOLS)), _PROTOCOL)
    if "otlp" not in exporters or protocol != _PROTOCOL:
        tell(f"OpenTelemetry: no spans are sent, as ftctl sends them by otlp and {_PROTOCOL} alone.")
        return None
    try:
        return _sending(tell)
    except ImportError:
        tell("OpenTelemetry is asked for by OTEL_ variables and not installed: pip install 'ftctl[otel]'.")
    except Exception as error:  # noqa: BLE001  a variable that OpenTelemetry cannot read must fail no command
        tell(f"OpenTelemetry: no spans are sent: {type(error).__name__} while it was set up.")
    return None


def _sending(tell: Callable[[str], None]) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  an extra
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  the same
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  the same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  the same

    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # else its warnings go to stderr
    logging.getLogger("opentelemetry").propagate = False
    provider = TracerProvider(resource=Resource.create(_service()), shutdown_on_exit=False)
    exporter: Any = OTLPSpanExporter()
    exporter.export = _heard(exporter.export, tell)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _heard(export: Callable[[Any], Any], tell: Callable[[str], None]) -> Callable[[Any], Any]:
    """`export` that says once if spans do not arrive."""
    told = False

    def send(batch: Any) -> Any:
        nonlocal told
        result = export(batch)
        if result.name != "SUCCESS" and not told:
            told = True
            tell("OpenTelemetry: the collector does not take the spans; the command does not mind.")
        return result

    return send


def _service() -> dict[str, str]:
    """What the variables leave open: they come first."""
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {} if named else {"service.name": "ftctl", "service.version": __version__}


def _flush(provider: TracerProvider, tell: Callable[[str], None]) -> None:
    """Send what is left, for a bounded time: a thread that goes on does not outlive the process."""
    thread = threading.Thread(target=provider.shutdown, name="ftctl-spans", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if thread.is_alive():
        tell(f"OpenTelemetry: not all spans could be sent within {PATIENCE:g} seconds; the command does not mind.")


class _Spans:
    """A listener that hands spans to OpenTelemetry. What has no parent belongs to the command."""

    root: Any = None

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("ftctl", __version__)
        self._clock = SystemClock()

    def begin(self, name: str, parent: Any, facts: spans.Facts) -> Any:
        return self._begin(name, parent, facts)

    def note(self, span: Any, facts: spans.Facts) -> None:
        span.set_attributes({key: value for key, value in facts.items() if value not in (None, "")})

    def end(self, span: Any, *, failed: str) -> None:
        from opentelemetry.trace import StatusCode  # noqa: PLC0415  an extra

        if failed:
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", failed)
        span.end()

    def past(self, name: str, parent: Any, facts: spans.Facts, *, seconds: float, failed: str) -> None:
        began = int((self._clock.now().timestamp() - seconds) * 1e9)
        self.end(self._begin(name, parent, facts, began), failed=failed)

    def _begin(self, name: str, parent: Any, facts: spans.Facts, began: int | None = None) -> Any:
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415  an extra

        above = parent or self.root
        context = set_span_in_context(above) if above else _from_environment()
        kind = SpanKind.CLIENT if any(key.startswith(_CLIENT) for key in facts) else SpanKind.INTERNAL
        span = self._tracer.start_span(name, context=context, kind=kind, start_time=began)
        self.note(span, facts)
        return span


def _from_environment() -> Any:
    """The span that the command is part of, where whoever started it says so (W3C's TRACEPARENT)."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  an extra

    carrier = {name.lower(): os.environ[name] for name in ("TRACEPARENT", "TRACESTATE") if os.environ.get(name)}
    return TraceContextTextMapPropagator().extract(carrier)
