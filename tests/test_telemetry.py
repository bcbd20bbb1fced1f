from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from dicom_core.settings import SettingsError
from dicom_core.telemetry import CONNECTION_STRING, RequestSpans, start_telemetry

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PROGRAM = f"""
import logging, os
from dicom_core.telemetry import start_telemetry

spans = start_telemetry(os.environ)
with spans.open("GET", "studies/{{study}}", "00-{_TRACE}-00f067aa0ba902b7-01") as span:
    span.set_attribute("http.response.status_code", 200)
    logging.getLogger("dicom_core.http.endpoint").warning("something happened")
    logging.getLogger("dicom.audit").info("a record", extra={{"Action": "retrieve", "StatusCode": 200}})
    logging.getLogger("elsewhere").warning("not ours")
"""


class _Ingestion(BaseHTTPRequestHandler):
    received: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        items = json.loads(body)
        self.received += items
        answer = json.dumps({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def connection_string() -> Iterator[str]:
    _Ingestion.received = []
    server = HTTPServer(("127.0.0.1", 0), _Ingestion)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_connection_string_nothing_is_loaded() -> None:
    program = (
        "import sys; from dicom_core.telemetry import start_telemetry; assert start_telemetry({}) is None; "
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_spans_and_log_records_arrive_at_the_endpoint(connection_string: str) -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True, timeout=60, env={CONNECTION_STRING: connection_string})
    items = _Ingestion.received
    (request,) = (item["data"]["baseData"] for item in items if item["data"]["baseType"] == "RequestData")
    assert request["name"] == "GET studies/{study}"
    assert request["responseCode"] == "200"
    messages = {item["data"]["baseData"]["message"]: item for item in items if item["data"]["baseType"] == "MessageData"}
    assert messages.keys() == {"something happened", "a record"}
    assert messages["a record"]["data"]["baseData"]["properties"]["Action"] == "retrieve"
    assert {item["tags"]["ai.operation.id"] for item in items if item["data"]["baseType"] != "MetricData"} == {_TRACE}


def test_spans_join_the_trace_of_the_caller_or_begin_one() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    spans = RequestSpans(provider.get_tracer("test"), SpanKind.SERVER)
    for traceparent in (f"00-{_TRACE}-00f067aa0ba902b7-01", "garbage", None):
        with pytest.raises(ZeroDivisionError), spans.open("GET", "studies", traceparent):
            _ = 1 // 0
    first, second, third = exporter.get_finished_spans()
    assert first.context is not None
    assert f"{first.context.trace_id:032x}" == _TRACE
    assert second.parent is third.parent is None
    assert not first.events, "exceptions may quote patient data"


def test_a_malformed_connection_string_stops_the_start() -> None:
    with pytest.raises(SettingsError, match=CONNECTION_STRING):
        start_telemetry({CONNECTION_STRING: "nonsense"})


def test_a_missing_exporter_stops_the_start() -> None:
    program = (
        "import sys; sys.modules['azure.monitor.opentelemetry.exporter'] = None\n"
        "from dicom_core.telemetry import start_telemetry\n"
        f"start_telemetry({{'{CONNECTION_STRING}': 'InstrumentationKey=x'}})"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert "azure-monitor-opentelemetry-exporter is not installed" in done.stderr
