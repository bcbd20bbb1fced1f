from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Deployed:
    """The app under the real worker code. `functions` has the bindings of each function, by name; `logs` are what the process writes."""

    functions: dict[str, list[dict[str, Any]]]
    url: str
    process_id: int
    logs: tuple[Path, ...]


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("worker")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DICOM_")}
    output, log = folder / "output", folder / "log"
    with output.open("w") as lines, log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.platform.stand_in_host"],
            cwd=_ROOT,
            env=clean | {"DICOM_STORAGE": "embedded", "DICOM_DATA": str(folder / "data")},
            stdout=lines,
            stderr=errors,
        )
        try:
            while output.read_text().count("\n") < 2:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            functions, port = output.read_text().splitlines()[:2]
            yield Deployed(json.loads(functions), f"http://127.0.0.1:{int(port)}", process.pid, (output, log))
        finally:
            process.kill()
            process.wait()
