"""The Functions app: one function for every route, a last one for all other paths, and the timers."""

from __future__ import annotations

import os

import azure.functions as func
import azurefunctions.extensions.http.fastapi  # noqa: F401 - importing it makes every HTTP function a streaming one

from dicom_core.http.endpoint import Endpoint, endpoint
from dicom_core.http.fallback import FALLBACK_NAME, FALLBACK_TEMPLATE, METHODS, fallback
from dicom_core.http.policies import Policies
from dicom_core.http.routes import bindings
from dicom_core.http.tracing import mark_log_records
from dicom_core.http.worker import silence_access_log
from dicom_core.services import OpenServices
from dicom_core.settings import Settings
from dicom_core.telemetry import start_telemetry

__all__ = ["app", "close"]

_settings = Settings.from_env(os.environ)
_policies = Policies.from_settings(_settings, start_telemetry(os.environ))
_services = OpenServices(_settings)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
close = _services.close  # called by hosts that stop in an orderly way


def _register(name: str, template: str, methods: tuple[str, ...], function: Endpoint) -> None:
    app.function_name(name)(app.route(template, methods=methods)(function))


silence_access_log()
mark_log_records()
for _binding in bindings():
    _register(_binding.name, _binding.template, _binding.route.methods, endpoint(_binding.route, _services, _policies))
_register(FALLBACK_NAME, FALLBACK_TEMPLATE, METHODS, fallback(_policies))


@app.timer_trigger(arg_name="timer", schedule=_settings.sweep_schedule)
async def sweep(timer: func.TimerRequest) -> None:
    """Finish what crashed requests left."""
    await (await _services()).sweep()


@app.timer_trigger(arg_name="timer", schedule=_settings.expiry_schedule)
async def expire(timer: func.TimerRequest) -> None:
    """Delete the studies whose time has come."""
    await (await _services()).expire()
