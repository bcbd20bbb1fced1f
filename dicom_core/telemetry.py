"""Telemetry for Application Insights, through OpenTelemetry: a span for each request, and the service's log records.

Nothing of it is loaded unless a connection string is set. Neither query strings nor texts of exceptions are sent, and
nothing goes anywhere but to the endpoint that the connection string names.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dicom_core.settings import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.trace import Span, SpanKind, Tracer

__all__ = ["CONNECTION_STRING", "LOGGERS", "LogExport", "RequestSpans", "start_telemetry"]

CONNECTION_STRING: Final = "APPLICATIONINSIGHTS_CONNECTION_STRING"
LOGGERS: Final = ("dicom_core", "dicom.audit")

_HOSTED: Final = "WEBSITE_SITE_NAME"  # set where Azure runs the app, and the Functions host counts requests itself
_SEVERITIES: Final = {logging.DEBUG: 5, logging.INFO: 9, logging.WARNING: 13, logging.ERROR: 17, logging.CRITICAL: 21}
_STANDARD_FIELDS: Final = frozenset(vars(logging.makeLogRecord({}))) | {"taskName"}


class RequestSpans:
    """Opens a span for each request, as a part of the caller's trace if there is one."""

    def __init__(self, tracer: Tracer, kind: SpanKind) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._tracer = tracer
        self._kind = kind
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def open(self, method: str, resource: str, traceparent: str | None) -> Iterator[Span]:
        """Open the span of a request; `resource` is the path of its route, with names in place of identifiers."""
        parent = self._propagator.extract({"traceparent": traceparent} if traceparent else {})
        with self._tracer.start_as_current_span(
            f"{method} {resource}",
            context=parent,
            kind=self._kind,
            attributes={"http.request.method": method, "http.route": resource},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


class LogExport(logging.Handler):
    """Hands log records to OpenTelemetry with their extra fields, as parts of the span in hand."""

    def __init__(self, provider: LoggerProvider) -> None:
        super().__init__()
        self._provider = provider

    def emit(self, record: logging.LogRecord) -> None:
        """Export one record; tracebacks stay behind, for exceptions may quote patient data."""
        from opentelemetry._logs import LogRecord, SeverityNumber
        from opentelemetry.context import get_current

        self._provider.get_logger(record.name).emit(
            LogRecord(
                timestamp=int(record.created * 1e9),
                context=get_current(),
                severity_text=record.levelname,
                severity_number=SeverityNumber(_SEVERITIES.get(record.levelno, 9)),
                body=record.getMessage(),
                attributes={name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS},
            )
        )


def start_telemetry(environ: Mapping[str, str]) -> RequestSpans | None:
    """Begin to export when the environment has a connection string; None when it has not.

    Exported records go to Application Insights alone: the Functions host would send what it sees there a second time.

    Raises:
        SettingsError: the exporter is not installed, or the connection string is malformed.
    """
    connection_string = environ.get(CONNECTION_STRING, "")
    if not connection_string:
        return None
    os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")  # figures about us for the exporter's makers
    try:
        from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter, AzureMonitorTraceExporter
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind
    except ImportError as error:
        raise SettingsError(
            f"{CONNECTION_STRING} is set, but the package azure-monitor-opentelemetry-exporter is not installed."
        ) from error
    options = {"connection_string": connection_string, "disable_offline_storage": True}
    resource = Resource.create({"service.name": "dicom"})
    spans, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
    try:
        spans.add_span_processor(BatchSpanProcessor(AzureMonitorTraceExporter(**options)))
        logs.add_log_record_processor(BatchLogRecordProcessor(AzureMonitorLogExporter(**options)))
    except ValueError as error:
        raise SettingsError(f"{CONNECTION_STRING} is not a connection string.") from error
    _export_logs(LogExport(logs))
    return RequestSpans(spans.get_tracer("dicom_core"), SpanKind.INTERNAL if _HOSTED in environ else SpanKind.SERVER)


def _export_logs(handler: LogExport) -> None:
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
