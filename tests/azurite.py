"""Azurite, the emulator of Azure Storage, as a process of the tests: `npm ci` in the project root installs it."""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["run_azurite"]

EXECUTABLE = Path(__file__).parent.parent / "node_modules" / ".bin" / "azurite"
START_SECONDS = 60.0


@contextmanager
def run_azurite(*, in_memory: bool = True) -> Iterator[str]:
    """Run an emulator of its own on free ports, and yield its connection string."""
    if not EXECUTABLE.exists():
        raise FileNotFoundError(f"{EXECUTABLE} is missing: run `npm ci` in the project root")
    ports = dict(zip(("blob", "queue", "table"), _free_ports(3), strict=True))
    account, key = "tests", base64.b64encode(secrets.token_bytes(64)).decode()
    with tempfile.TemporaryDirectory(prefix="azurite-") as folder:
        command = [str(EXECUTABLE), "--skipApiVersionCheck", "--silent", "--disableTelemetry"]
        for service, port in ports.items():
            command += [f"--{service}Port", str(port)]
        command += ["--inMemoryPersistence"] if in_memory else ["--location", folder]
        environment = {**os.environ, "AZURITE_ACCOUNTS": f"{account}:{key}"}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        try:
            for port in ports.values():
                _await_port(process, port)
            endpoints = "".join(f"{service.title()}Endpoint=http://127.0.0.1:{port}/{account};" for service, port in ports.items())
            yield f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};{endpoints}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [free.getsockname()[1] for free in sockets]
    for free in sockets:
        free.close()
    return ports


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"azurite did not start (exit code {process.poll()})")
