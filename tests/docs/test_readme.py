"""What the README says is true: its settings table, its commands, and its tour."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from dicom_core.settings import Settings, variable
from tests.local_host.running import Host, running_host

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text(encoding="utf-8")
_URL = "http://127.0.0.1:7071"


def _block(language: str, containing: str) -> str:
    (block,) = (text for text in re.findall(rf"```{language}\n(.*?)```", _README, re.DOTALL) if containing in text)
    return str(block)


def _default(value: object) -> str:
    text = ",".join(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if text else ""


def test_settings_table_has_every_setting_with_its_default() -> None:
    table = re.findall(r"^\| `(DICOM_[A-Z_]+)` \| (.*?) \| \S.* \|$", _README, re.MULTILINE)
    assert table == [(variable(field.name), _default(field.default)) for field in fields(Settings)]


def test_commands_and_links_exist() -> None:
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    assert [name for name in re.findall(r"`make ([a-z]+)", _README) if f"\n{name}:" not in makefile] == []
    assert [link for link in re.findall(r"\]\((?!http)([^)#]+)", _README) if not (_ROOT / link).exists()] == []


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    environment = {"DICOM_STORAGE": "embedded", "DICOM_DATA": str(tmp_path_factory.mktemp("data"))}
    with running_host(_ROOT, environment=environment) as host:
        yield host


def test_tour_with_curl(service: Host, tmp_path: Path) -> None:
    script = _block("sh", "curl").replace(_URL, service.url).replace(".venv/bin/python", sys.executable)
    script = script.replace("\ncurl ", "\ncurl --fail --silent --show-error ")
    done = subprocess.run(["sh", "-e"], input=script, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "ct.dcm").stat().st_size > 39_000
    assert (tmp_path / "study.multipart").stat().st_size > 39_000
    assert done.stdout.count("CompressedSamples^CT1") >= 2
    beginnings = {"ct.jpg": b"\xff\xd8", "small.png": b"\x89PNG", "study.zip": b"PK", "frame.jls": b"\xff\xd8\xff\xf7"}
    assert [name for name, beginning in beginnings.items() if not (tmp_path / name).read_bytes().startswith(beginning)] == []
    assert (tmp_path / "frame.raw").stat().st_size == 128 * 128 * 2
    assert '"action":"Create"' in done.stdout


def test_tour_with_dicomweb_client(service: Host) -> None:
    script = _block("python", "DICOMwebClient").replace(_URL, service.url)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == ["MR"]


def test_demo(service: Host) -> None:
    for expected in (
        "202: 6 of 6 files stored, 1 with warnings about values",
        "409: 0 of 6 files stored, 6 refused (there already?)",
    ):
        command = [sys.executable, "scripts/demo.py", service.url]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == expected
