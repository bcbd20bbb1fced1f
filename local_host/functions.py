"""Reads the functions that an app registered, and refuses what the real host would refuse.

Only what the Functions SDK reports is used: names, bindings and the user's function objects. Whatever is registered runs, and what
is not registered does not.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from azure.functions import FunctionRegister
from starlette.requests import Request
from starlette.responses import Response

from local_host.routing import Route
from local_host.schedules import Schedule
from local_host.template_parser import parse_template

__all__ = ["App", "AppError", "HttpFunction", "TimerFunction", "load_app", "read_app"]

METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS"})

_FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}", re.ASCII)
_BINDING_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,127}|\$return", re.ASCII)
_RESERVED = ("admin", "runtime")

Binding = Mapping[str, Any]


class AppError(Exception):
    """The app cannot be hosted; the text says which function and why."""


@dataclass(frozen=True, slots=True)
class HttpFunction:
    """A streaming HTTP function: takes a Starlette request as `parameter`, returns a Starlette response."""

    name: str
    parameter: str
    handler: Callable[..., Awaitable[Response]]

    async def __call__(self, request: Request) -> Response:
        return await self.handler(**{self.parameter: request})


@dataclass(frozen=True, slots=True)
class TimerFunction:
    """A function that runs on a schedule, and once at start if `run_on_startup`."""

    name: str
    parameter: str
    handler: Callable[..., Any]
    schedule: Schedule
    run_on_startup: bool


@dataclass(frozen=True, slots=True)
class App:
    """Everything that an app registered, and its function to let go of connections and files."""

    routes: tuple[Route[HttpFunction], ...]
    timers: tuple[TimerFunction, ...]
    close: Callable[[], Awaitable[None]] | None = None


def load_app(module_name: str, host_json: Path) -> App:
    """Import a module with a `FunctionApp` at its top level and read it.

    A coroutine function ``close`` of the module is kept, to be called when the host stops.

    Raises:
        AppError: there is not exactly one app, or `read_app` refuses it.
    """
    module = importlib.import_module(module_name)
    settings = json.loads(host_json.read_text(encoding="utf-8"))
    prefix = settings.get("extensions", {}).get("http", {}).get("routePrefix", "api")
    app = read_app(_only_app(module), route_prefix=prefix)
    return App(app.routes, app.timers, getattr(module, "close", None))


def _only_app(module: ModuleType) -> FunctionRegister:
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise AppError(f"{module.__name__} has {len(apps)} function apps at its top level; the host wants one")
    return apps[0]


def read_app(app: FunctionRegister, *, route_prefix: str = "") -> App:
    """Read an app's functions and their bindings.

    Raises:
        AppError: a function is one that the host, or this host, cannot run.
    """
    app.functions_bindings = None  # the SDK counts names over all calls, and would find every function twice
    routes: list[Route[HttpFunction]] = []
    timers: list[TimerFunction] = []
    names: set[str] = set()
    for function in app.get_functions():
        name = str(function.get_function_name())
        bindings = [json.loads(text) for text in function.get_raw_bindings()]
        try:
            _check_names(name, names, bindings)
            trigger = _trigger(bindings)
            if trigger["type"] == "httpTrigger":
                routes.append(_http_route(name, trigger, function.get_user_function(), route_prefix))
            else:
                timers.append(_timer(name, trigger, function.get_user_function()))
        except ValueError as error:
            raise AppError(f"function {name}: {error}") from error
    _check_overlaps(routes)
    return App(tuple(routes), tuple(timers))


def _check_names(name: str, names: set[str], bindings: Iterable[Binding]) -> None:
    if _FUNCTION_NAME.fullmatch(name) is None or name.lower() == "host":
        raise ValueError("the name is not one of letters, digits, _ and -, starting with a letter")
    if name.lower() in names:
        raise ValueError("another function has this name, apart from case")
    names.add(name.lower())
    for binding in bindings:
        if _BINDING_NAME.fullmatch(binding["name"]) is None:
            raise ValueError(f"the binding name '{binding['name']}' may have letters and digits only")


def _trigger(bindings: Iterable[Binding]) -> Binding:
    unknown = [binding["type"] for binding in bindings if binding["type"] not in ("httpTrigger", "http", "timerTrigger")]
    if unknown:
        raise ValueError(f"bindings of type {', '.join(unknown)} cannot be hosted here")
    return next(binding for binding in bindings if binding["type"].endswith("Trigger"))


def _http_route(name: str, trigger: Binding, handler: Callable[..., Any], prefix: str) -> Route[HttpFunction]:
    if not inspect.iscoroutinefunction(handler):
        raise ValueError("an HTTP function must be an async function to stream")
    text = f"{prefix.strip('/')}/{trigger['route'].strip('/')}".strip("/")
    if text.lower().startswith(_RESERVED):
        raise ValueError(f"routes that start with {' or '.join(_RESERVED)} are the host's own")
    methods = frozenset(method.upper() for method in trigger.get("methods") or METHODS)
    return Route(name, methods, parse_template(text), HttpFunction(name, trigger["name"], handler))


def _timer(name: str, trigger: Binding, handler: Callable[..., Any]) -> TimerFunction:
    schedule = trigger["schedule"]
    if schedule.startswith("%") and schedule.endswith("%"):
        schedule = os.environ.get(schedule.strip("%"), "")
    return TimerFunction(name, trigger["name"], handler, Schedule.parse(schedule), bool(trigger.get("runOnStartup")))


def _check_overlaps(routes: Iterable[Route[HttpFunction]]) -> None:
    owners: dict[tuple[str, str], str] = {}
    for route in routes:
        for method in sorted(route.methods):
            owner = owners.setdefault((route.template.text.lower(), method), route.name)
            if owner != route.name:
                raise AppError(f"functions {owner} and {route.name} both claim {method} {route.template.text}")
