"""JSON values written as YAML, for people to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["to_yaml"]

_PLAIN_KEY = re.compile(r"[A-Za-z$/][A-Za-z0-9_./$-]*", re.ASCII)
_NOT_PLAIN = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def to_yaml(value: Any) -> str:
    """Write a JSON value in block style. Scalars stand as in JSON, which YAML 1.2 contains."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, entry in value.items():
            yield from _entry(f"{_key(key)}:", entry, "  ")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for entry in value:
            yield from _item(entry)
    else:
        yield json.dumps(value, ensure_ascii=False)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple) and value:
        yield head
        yield from (indent + line for line in _lines(value))
    else:
        yield f"{head} {next(_lines(value))}"


def _item(value: Any) -> Iterator[str]:
    for index, line in enumerate(_lines(value)):
        yield ("  " if index else "- ") + line


def _key(text: str) -> str:
    return text if _PLAIN_KEY.fullmatch(text) and text.lower() not in _NOT_PLAIN else json.dumps(text, ensure_ascii=False)
