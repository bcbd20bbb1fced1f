"""Inline route constraints (`{x:int}`, `{x:regex(^a)}`) with the meaning that ASP.NET gives them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

__all__ = ["Constraint", "parse_constraint"]

Constraint = Callable[[str], bool]

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_FORM = re.compile(r"(?P<name>[A-Za-z]+)(?:\((?P<arguments>.*)\))?", re.DOTALL)


def parse_constraint(text: str) -> Constraint:
    """Build the test that a parameter's value must pass.

    Raises:
        ValueError: the host does not know the constraint, or this host does not.
    """
    form = _FORM.fullmatch(text)
    if form is None or form["name"].lower() not in _MAKERS:
        raise ValueError(f"route constraint '{text}' is not supported")
    arguments = form["arguments"]
    name = form["name"].lower()
    if name == "regex":
        return _regex(arguments or "")
    try:
        return _MAKERS[name](*(arguments.split(",") if arguments else ()))
    except TypeError:
        raise ValueError(f"route constraint '{text}' has the wrong number of arguments") from None


def _integer(value: str, bits: int) -> int | None:
    if _INTEGER.fullmatch(value) is None or len(value) > 40:
        return None
    number = int(value)
    return number if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else None


def _int() -> Constraint:
    return lambda value: _integer(value, 32) is not None


def _long() -> Constraint:
    return lambda value: _integer(value, 64) is not None


def _guid() -> Constraint:
    def check(value: str) -> bool:
        try:
            uuid.UUID(value.strip())
        except ValueError:
            return False
        return True

    return check


def _bool() -> Constraint:
    return lambda value: value.strip().lower() in ("true", "false")


def _alpha() -> Constraint:
    return _regex("^[a-z]*$")


def _required() -> Constraint:
    return lambda value: value != ""


def _regex(pattern: str) -> Constraint:
    # unanchored and without regard to case, as in ASP.NET
    search = re.compile(pattern, re.IGNORECASE).search
    return lambda value: search(value) is not None


def _length(first: str, last: str | None = None) -> Constraint:
    shortest, longest = int(first), int(last if last is not None else first)
    return lambda value: shortest <= len(value) <= longest


def _minlength(shortest: str) -> Constraint:
    bound = int(shortest)
    return lambda value: len(value) >= bound


def _maxlength(longest: str) -> Constraint:
    bound = int(longest)
    return lambda value: len(value) <= bound


def _range(lowest: str, highest: str) -> Constraint:
    low, high = int(lowest), int(highest)

    def check(value: str) -> bool:
        number = _integer(value, 64)
        return number is not None and low <= number <= high

    return check


def _min(lowest: str) -> Constraint:
    return _range(lowest, str(2**63 - 1))


def _max(highest: str) -> Constraint:
    return _range(str(-(2**63)), highest)


_MAKERS: dict[str, Callable[..., Constraint]] = {
    "alpha": _alpha,
    "bool": _bool,
    "guid": _guid,
    "int": _int,
    "length": _length,
    "long": _long,
    "max": _max,
    "maxlength": _maxlength,
    "min": _min,
    "minlength": _minlength,
    "range": _range,
    "regex": _regex,
    "required": _required,
}
