"""Structured reports as text for people: their content tree, with concept names and values, and nothing made up.

Reports are read from DICOM JSON objects, in which text is decoded already.

Standard: PS3.3 C.17.3
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

__all__ = ["Report", "report", "to_html", "to_text"]

JsonObject = dict[str, Any]

_CONTENT, _CONCEPT_NAME, _CONCEPT, _MEANING = "0040A730", "0040A043", "0040A168", "00080104"
_MEASURED, _NUMBER, _UNITS, _CODE = "0040A300", "0040A30A", "004008EA", "00080100"
_REFERENCED, _REFERENCED_INSTANCE = "00081199", "00081155"
_PLAIN_VALUES: Final = ("0040A160", "0040A121", "0040A122", "0040A120", "0040A123", "0040A124")  # text, date, time, both, name, UID
_FACTS: Final = {
    "00100010": "Patient's Name",
    "00100020": "Patient ID",
    "00100030": "Patient's Birth Date",
    "00080020": "Study Date",
    "0040A491": "Completion Flag",
    "0040A493": "Verification Flag",
}
_STYLE: Final = "body{font-family:sans-serif;max-width:50em;margin:2em auto;line-height:1.4}p,pre{white-space:pre-wrap}"


@dataclass(frozen=True, slots=True)
class _Item:
    """A content item: its concept name, its value, and the items it contains."""

    name: str
    value: str
    items: Sequence[_Item]


@dataclass(frozen=True, slots=True)
class Report:
    """A report: facts about it, each with its name, and the root of its content tree."""

    facts: Sequence[tuple[str, str]]
    root: _Item


def report(data_set: JsonObject) -> Report:
    """Read a report's data set; what is missing in it is left out."""
    facts = [(name, text) for tag, name in _FACTS.items() if (text := _text(data_set, tag))]
    return Report(facts, _item(data_set))


def to_text(found: Report) -> str:
    """Write a report as plain text, indented by level."""
    lines = [found.root.name or "Report", "", *(f"{name}: {text}" for name, text in found.facts), ""]
    return "\n".join([*lines, *_lines(found.root.items, "")]) + "\n"


def to_html(found: Report) -> str:
    """Write a report as an HTML page without scripts or references."""
    title = escape(found.root.name or "Report")
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in found.facts)
    content = "".join(_sections(found.root.items))
    head = f'<!DOCTYPE html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head>'
    return f"{head}<body><h1>{title}</h1><dl>{facts}</dl><ul>{content}</ul></body></html>"


def _item(data_set: JsonObject) -> _Item:
    items = [_item(each) for each in _items(data_set, _CONTENT)]
    return _Item(_meaning(data_set, _CONCEPT_NAME), _value(data_set), items)


def _value(data_set: JsonObject) -> str:
    for tag in _PLAIN_VALUES:
        if text := _text(data_set, tag):
            return text
    for measured in _items(data_set, _MEASURED):
        units = next((_text(each, _CODE) for each in _items(measured, _UNITS)), "")
        return f"{_text(measured, _NUMBER)} {units}".strip()
    references = [_text(each, _REFERENCED_INSTANCE) for each in _items(data_set, _REFERENCED)]
    return _meaning(data_set, _CONCEPT) or ", ".join(references)


def _meaning(data_set: JsonObject, tag: str) -> str:
    return next((_text(code, _MEANING) or _text(code, _CODE) for code in _items(data_set, tag)), "")


def _items(data_set: JsonObject, tag: str) -> list[JsonObject]:
    return [item for item in _values(data_set, tag) if isinstance(item, dict)]


def _text(data_set: JsonObject, tag: str) -> str:
    """Join the values of an element; of names, the group that is written most widely."""
    texts = (
        value.get("Alphabetic") or value.get("Ideographic") or "" if isinstance(value, dict) else value for value in _values(data_set, tag)
    )
    return ", ".join(str(text) for text in texts if text is not None)


def _values(data_set: JsonObject, tag: str) -> list[Any]:
    found: list[Any] = data_set.get(tag, {}).get("Value", [])
    return found


def _lines(items: Sequence[_Item], indent: str) -> Iterator[str]:
    for item in items:
        value = item.value.replace("\r\n", "\n").replace("\n", f"\n{indent}  ")
        yield f"{indent}{item.name}{': ' if item.name and value else ''}{value}"
        yield from _lines(item.items, indent + "  ")


def _sections(items: Sequence[_Item]) -> Iterator[str]:
    for item in items:
        inner = "".join(_sections(item.items))
        name = f"<b>{escape(item.name)}</b>" if item.name else ""
        value = f"<p>{escape(item.value)}</p>" if item.value else ""
        yield f"<li>{name}{value}{f'<ul>{inner}</ul>' if inner else ''}</li>"
