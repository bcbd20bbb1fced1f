from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Deployed:
    """The app under the real worker code. `functions` has the bindings of each function, by name."""

    functions: dict[str, list[dict[str, Any]]]
    url: str


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("worker")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DICOM_")}
    log = folder / "log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.platform.stand_in_host"],
            cwd=_ROOT,
            env=clean | {"DICOM_STORAGE": "embedded", "DICOM_DATA": str(folder / "data")},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert process.stdout is not None
            functions, port = process.stdout.readline(), process.stdout.readline()
            assert port, log.read_text()
            yield Deployed(json.loads(functions), f"http://127.0.0.1:{int(port)}")
        finally:
            process.kill()
            process.communicate()
