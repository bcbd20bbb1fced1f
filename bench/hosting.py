"""Runs a local host of its own on an empty folder, and watches its memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LocalHost", "running_local_host"]

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class LocalHost:
    """A running host on 127.0.0.1; `folder` holds its data."""

    port: int
    process_id: int
    folder: Path

    def memory(self) -> int:
        """Resident memory now, in MiB."""
        return self._status("VmRSS")

    def peak_memory(self) -> int:
        """The most resident memory since `forget_peak`, in MiB."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process_id}/clear_refs").write_text("5", encoding="ascii")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.process_id}/status").read_text(encoding="ascii")
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) // 1024


@contextmanager
def running_local_host() -> Iterator[LocalHost]:
    """Start a host on the embedded store, wait until it serves, and remove its data at the end."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "local_host", "--port", "0"],
            cwd=_ROOT,
            env={**os.environ, "DICOM_STORAGE": "embedded", "DICOM_DATA": folder},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            found = re.match(r"Serving http://127\.0\.0\.1:(\d+) ", process.stdout.readline())
            assert found is not None, "the local host did not start"
            yield LocalHost(int(found[1]), process.pid, Path(folder))
        finally:
            process.terminate()
            process.wait(timeout=60)
            process.stdout.close()
