"""How the Functions host finds a function for a request, written down once more, apart from the product and the local host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dicom_core.http.fallback import FALLBACK_NAME, FALLBACK_TEMPLATE, METHODS
from dicom_core.http.routes import Binding, bindings

__all__ = ["SAMPLES", "Registered", "find", "registered", "sample_url"]

SAMPLES = {
    "version": "v2",
    "partitionName": "p-1",
    "study": "1.2",
    "series": "1.2.3",
    "instance": "1.2.3.4",
    "frames": "1,2",
    "frame": "1",
    "value": "7FE00010",
}


@dataclass(frozen=True)
class Registered:
    """A function as the host knows it."""

    name: str
    template: str
    methods: tuple[str, ...]


def registered() -> list[Registered]:
    """Every function that answers HTTP requests."""
    functions = [Registered(binding.name, binding.template, binding.route.methods) for binding in bindings()]
    return [*functions, Registered(FALLBACK_NAME, FALLBACK_TEMPLATE, METHODS)]


def sample_url(binding: Binding, **values: str) -> str:
    """A path that a function is meant for."""
    known = SAMPLES | values
    return "/" + re.sub(r"\{(\w+)[^/]*\}", lambda match: known.get(match[1], "x"), binding.template)


def find(functions: Iterable[Registered], method: str, path: str) -> tuple[Registered, dict[str, str]] | None:
    """The first function by name, letter case ignored, whose template and method match."""
    for function in sorted(functions, key=lambda each: each.name.lower()):
        values = _match(function.template, path)
        if values is not None and method in function.methods:
            return function, values
    return None


def _match(template: str, path: str) -> dict[str, str] | None:
    if template == "{*path}":
        return {"path": path[1:]} if path != "/" else {}
    wanted, given = template.split("/"), path[1:].removesuffix("/").split("/")
    if len(wanted) != len(given):
        return None
    values: dict[str, str] = {}
    for part, text in zip(wanted, given, strict=True):
        if not part.startswith("{"):
            if part.lower() != text.lower():
                return None
            continue
        name, _, constraint = part[1:-1].partition(":")
        pattern = constraint.removeprefix("regex(")[:-1] if constraint else "."
        if not re.search(pattern, text, re.IGNORECASE):
            return None
        values[name] = text
    return values
