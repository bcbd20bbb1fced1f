"""The host as a process, spoken to over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
import uvicorn
from starlette.types import Receive, Scope, Send

from local_host.server import Server
from tests.local_host.running import SAMPLE_APP, Host, running_host


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with running_host() as host:
        yield host


def _raw(host: Host, request: bytes, *, closing: bool = True) -> bytes:
    with socket.create_connection(host.address, timeout=10) as connection:
        connection.sendall(request)
        if closing:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_route_parameters_and_query_arrive(host: Host) -> None:
    assert requests.get(f"{host.url}/Echo/A%20b/c%2Fd%C3%A9?x=1&bare", timeout=10).json() == {
        "params": {"first": "A b", "second": "c%2Fdé"},
        "query": "x=1&bare",
    }


def test_dot_segments_are_resolved(host: Host) -> None:
    response = _raw(host, b"GET /x/../echo/./one/%2e%2e/two/. HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert response.endswith(b'{"params":{"first":"two"},"query":""}')


@pytest.mark.parametrize(("method", "path"), [("GET", "/other"), ("POST", "/nothing"), ("GET", "/"), ("DELETE", "/echo/x")])
def test_no_match_is_404_without_body(host: Host, method: str, path: str) -> None:
    response = requests.request(method, host.url + path, timeout=10)
    assert (response.status_code, response.content, response.headers["content-length"]) == (404, b"", "0")


def test_head_has_headers_and_no_body(host: Host) -> None:
    response = requests.head(f"{host.url}/nothing", timeout=10)
    assert (response.status_code, response.headers["content-length"], response.content) == (200, "5", b"")
    assert "server" not in response.headers


def test_exception_is_500(host: Host) -> None:
    response = requests.get(f"{host.url}/broken", timeout=10)
    assert (response.status_code, response.text) == (500, "Internal Server Error")


def test_exception_in_a_streamed_body_breaks_the_connection(host: Host) -> None:
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(f"{host.url}/torn", timeout=10)


@pytest.mark.parametrize("chunked", [False, True])
def test_uploads_stream_in_bounded_chunks(host: Host, chunked: bool) -> None:
    data = os.urandom(1024 * 1024) * 20
    body = (data[start : start + 100_000] for start in range(0, len(data), 100_000)) if chunked else data
    answer = requests.post(f"{host.url}/upload", data=body, timeout=30).json()
    assert (answer["size"], answer["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert answer["largest"] <= 512 * 1024


def test_slow_reader_holds_the_producer_back(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        running_host(environment={"SAMPLE_APP_LOG": str(log)}) as host,
        closing(http.client.HTTPConnection(*host.address, timeout=10)) as connection,
    ):
        connection.request("GET", "/download/1000")
        response = connection.getresponse()
        first = response.read(10)
        time.sleep(0.5)
        # 256 KB chunks: what sockets and server hold is a few MB, the body is 250
        assert log.read_text().count("chunk") < 60
        assert len(first + response.read()) == 1000 * 256 * 1024


def test_endless_head_is_cut_off(host: Host) -> None:
    def send(connection: socket.socket) -> bytes:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        try:
            for _ in range(100):
                connection.sendall(b"x" * 65536)
                time.sleep(0.001)
        except OSError:
            return b"refused"
        return connection.recv(100)

    with socket.create_connection(host.address, timeout=10) as connection:
        assert send(connection).startswith((b"HTTP/1.1 400", b"refused"))
    assert requests.get(f"{host.url}/nothing", timeout=10).ok


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n"])
def test_request_must_name_one_host(host: Host, hosts: bytes) -> None:
    assert _raw(host, b"GET /nothing HTTP/1.1\r\n" + hosts + b"\r\n").startswith(b"HTTP/1.1 400")
    assert _raw(host, b"GET /nothing HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize("chunked", [False, True])
def test_offers_of_other_protocols_are_declined(host: Host, protocol: str, chunked: bool) -> None:
    data = os.urandom(300_000)
    with requests.Session() as session:
        session.headers.update({"Connection": "Upgrade, HTTP2-Settings", "Upgrade": protocol, "HTTP2-Settings": "AAMAAABk"})
        for _ in range(2):
            body = iter([data[:100_000], data[100_000:]]) if chunked else data
            answer = session.post(f"{host.url}/upload", data=body, timeout=10).json()
            assert (answer["size"], answer["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert session.get(f"{host.url}/nothing", timeout=10).text == "small"


def test_offer_with_other_requests_around_it(host: Host) -> None:
    plain, last = (b"GET /echo/%d HTTP/1.1\r\nHost: h\r\n" % number for number in (1, 3))
    offer = b"GET /echo/2?a=b HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answers = _raw(host, plain + b"\r\n" + offer + last + b"Connection: close\r\n\r\n", closing=False)
    assert re.findall(rb'\{"params":\{"first":"(.)"\},"query":"(.*?)"\}', answers) == [(b"1", b""), (b"2", b"a=b"), (b"3", b"")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_lets_requests_finish_and_closes_the_app(tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    answers: list[str] = []
    with running_host(environment={"SAMPLE_APP_LOG": str(log)}) as host:
        client = threading.Thread(target=lambda: answers.append(requests.get(f"{host.url}/slow", timeout=10).text))
        client.start()
        _wait_until(lambda: log.exists() and "slow started" in log.read_text())
        code, output = host.stop(number)
        client.join()
    assert (code, output, answers) == (0, "Try:    curl -i " + host.url + "/v2/studies\n", ["done"])
    assert log.read_text().splitlines()[-1] == f"closed {host.process.pid}"


async def test_stop_lets_go_of_clients_that_do_not_read() -> None:
    ready, begun, cleaned = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": bytes(1024 * 1024), "more_body": True})
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    server = Server(uvicorn.Config(endless, lifespan="off", log_config=None, timeout_graceful_shutdown=1), ready.set)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        serving = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        client.connect(listener.getsockname())
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        await begun.wait()
        server.should_exit = True
        await serving
        assert cleaned.is_set()
        assert not server.server_state.connections


def test_workers_share_the_port_and_one_runs_timers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running_host(SAMPLE_APP, "--workers", "2", environment={"SAMPLE_APP_LOG": str(log)}) as host:
        seen: set[str] = set()

        def both_answered() -> bool:
            seen.update(requests.get(f"{host.url}/process", timeout=10).text for _ in range(8))
            return len(seen) == 2

        _wait_until(both_answered)
        _wait_until(lambda: log.read_text().count("tick") >= 2)
        code, _ = host.stop()
    lines = log.read_text().splitlines()
    assert code == 0
    assert len({line for line in lines if line.startswith("tick")}) == 1
    assert {line.removeprefix("closed ") for line in lines if line.startswith("closed")} == seen


def test_killed_workers_are_replaced_however_young() -> None:
    with running_host(SAMPLE_APP, "--workers", "2") as host:
        killed = set()
        for _ in range(2):
            worker = requests.get(f"{host.url}/process", timeout=20).text
            os.kill(int(worker), signal.SIGKILL)
            killed.add(worker)
        assert requests.get(f"{host.url}/process", timeout=20).text not in killed
        assert host.stop()[0] == 0


def test_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "local_host", "--port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"Cannot listen on 127.0.0.1 port {port}: the port is taken. Stop what uses it, or choose another port (make run PORT=7072).\n"
    )


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_port_that_is_none_is_explained(port: str) -> None:
    command = [sys.executable, "-m", "local_host", f"--port={port}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("error: argument --port: must be a number from 0 to 65535\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_app_that_cannot_be_hosted_is_explained(tmp_path: Path, workers: str) -> None:
    (tmp_path / "host.json").write_text("{}")
    (tmp_path / "function_app.py").write_text("import azure.functions as func\n")
    command = [sys.executable, "-m", "local_host", "--port", "0", "--workers", workers]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "Cannot host the app: function_app has 0 function apps at its top level; the host wants one\n" in done.stderr


def test_settings_file_fills_what_the_environment_leaves(tmp_path: Path) -> None:
    settings, log = tmp_path / "settings.json", tmp_path / "log"
    settings.write_text(json.dumps({"IsEncrypted": False, "Values": {"SAMPLE_APP_LOG": str(log), "HOME": "/nowhere"}}))
    with running_host(SAMPLE_APP, "--settings", str(settings)) as host:
        assert host.stop()[0] == 0
    assert log.read_text().splitlines()[-1] == f"closed {host.process.pid}"
