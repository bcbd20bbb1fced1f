"""Starts the local host as a user does: a process in a folder with an app, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["SAMPLE_APP", "Host", "running_host"]

SAMPLE_APP = Path(__file__).parent / "sample_app"
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Host:
    """A running host. `address` is what sockets connect to."""

    process: subprocess.Popen[str]
    url: str
    address: tuple[str, int]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal and return the exit code and the rest of what was printed."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        return self.process.wait(timeout=30), output


@contextmanager
def running_host(folder: Path = SAMPLE_APP, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Host]:
    """Start a host on a free port and wait until it says that it serves; kill it at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local_host", "--port", "0", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_REPOSITORY), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        output = ""
        for line in process.stdout:
            output += line
            if found := re.match(r"Serving http://127\.0\.0\.1:(\d+) ", line):
                port = int(found[1])
                yield Host(process, f"http://127.0.0.1:{port}", ("127.0.0.1", port))
                return
        raise AssertionError(f"the host did not start:\n{output}")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
