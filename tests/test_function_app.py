"""The app as a host sees it. It is imported in a process of its own, because importing it reads the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dicom_core.http.routes import bindings

_ROOT = Path(__file__).parent.parent

_REPORT = """
import json, logging, sys
import function_app
triggers = {
    function.get_function_name(): json.loads(function.get_function_json())["bindings"][0] for function in function_app.app.get_functions()
}
print(json.dumps({
    "triggers": triggers,
    "modules": sorted(sys.modules),
    "silent": not logging.getLogger("uvicorn.access").filter(logging.makeLogRecord({})),
}))
"""

_CHECK_ANNOTATIONS = """
import inspect, typing
from starlette.requests import Request
from starlette.responses import Response
import function_app
for function in function_app.app.get_functions():
    user = function.get_user_function()
    assert inspect.iscoroutinefunction(user)
    if function.is_http_function():
        assert typing.get_type_hints(user) == {"req": Request, "return": Response}, user
"""


def _run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DICOM_")}
    return subprocess.run([sys.executable, "-c", code], cwd=_ROOT, env=clean | environ, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = _run(_REPORT, DICOM_STORAGE="embedded", DICOM_DATA=str(tmp_path_factory.mktemp("data")))
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_every_route_is_an_open_function(report: dict[str, Any]) -> None:
    for binding in bindings():
        trigger = report["triggers"][binding.name]
        assert trigger["type"] == "httpTrigger"
        assert trigger["route"] == binding.template
        assert set(trigger["methods"]) == set(binding.route.methods)
        assert trigger["authLevel"] == "ANONYMOUS"
        assert trigger["name"] == "req"


def test_last_function_takes_everything_else(report: dict[str, Any]) -> None:
    assert max(name.lower() for name, trigger in report["triggers"].items() if trigger["type"] == "httpTrigger") == "zz_not_found"
    assert report["triggers"]["zz_not_found"]["route"] == "{*path}"


@pytest.mark.parametrize(("name", "schedule"), [("sweep", "0 */2 * * * *"), ("expire", "0 */5 * * * *")])
def test_chores_run_by_timer(report: dict[str, Any], name: str, schedule: str) -> None:
    trigger = report["triggers"][name]
    assert (trigger["type"], trigger["schedule"]) == ("timerTrigger", schedule)


def test_importing_brings_in_nothing_heavy_and_opens_nothing(report: dict[str, Any]) -> None:
    heavy = (
        "azure.storage",
        "azure.data",
        "azure.identity",
        "azure.core",
        "aiohttp",
        "jwt",
        "dicom_core.storage.embedded",
        "pydicom",
        "numpy",
        "PIL",
    )
    assert [module for module in report["modules"] if module.startswith(heavy)] == []


def test_access_log_is_silenced(report: dict[str, Any]) -> None:
    assert report["silent"]


def test_functions_are_annotated_with_plain_classes(tmp_path: Path) -> None:
    done = _run(_CHECK_ANNOTATIONS, DICOM_STORAGE="embedded", DICOM_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_bad_settings_stop_the_start() -> None:
    done = _run("import function_app", DICOM_STORAGE="floppy")
    assert done.returncode != 0
    assert "DICOM_STORAGE must be azure or embedded." in done.stderr


def test_host_json_has_no_route_prefix() -> None:
    host = json.loads((_ROOT / "host.json").read_text(encoding="utf-8"))
    assert host["extensions"]["http"]["routePrefix"] == ""
    assert host["version"] == "2.0"
