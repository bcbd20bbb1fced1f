"""From a query string to a `Query`: what is asked, what is returned, and which page of it.

Standard: PS3.18 8.3.4, 10.6.1.2; limits, defaults and refusals as the Microsoft service has them
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from dicom_core.dicom.vr_dictionary import lookup
from dicom_core.errors import InvalidQuery
from dicom_core.index.attributes import SEARCHABLE, Attribute, Level
from dicom_core.search.attribute_ids import tag_of, takes_many_values
from dicom_core.search.conditions import AnyOf, Anything, Condition, InItem, Like, Member, Test
from dicom_core.search.instants import combine_dates_and_times
from dicom_core.search.parsing import Matching, parse_test
from dicom_core.search.resources import UID_TAGS, Resource, returned_attributes

__all__ = ["DEFAULT_LIMIT", "MAX_LIMIT", "Query", "SearchOptions", "parse_query"]

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 200
_MAX_OFFSET: Final = (1 << 63) - 1

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)
_PAGE: Final = frozenset(("limit", "offset", "includefield"))
_CONTROLS: Final = _PAGE | {"fuzzymatching", "emptyvaluematching", "multiplevaluematching", "accept"}

# Sequences that search rows or the study row carry; their level is that of the attributes inside.
_SEQUENCES: Final = {
    "00400275": Level.SERIES,  # RequestAttributesSequence
    "00080063": Level.STUDY,  # AnatomicRegionsInStudyCodeSequence
    "00081032": Level.STUDY,  # ProcedureCodeSequence
    "00081110": Level.STUDY,  # ReferencedStudySequence
}

Tags = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How the service is set up to search, where the standard leaves a choice."""

    combined_date_times: bool = False
    any_order_names: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search request, understood. `study` and `series` are those of the path; `version` is 1 or 2.

    `wanted` are the tags to return, `external` those of them that are external attributes, `named` those that the request
    lists in includefield. `literal` are the names of
    attributes that fuzzy matching was asked for and could not be applied to.
    """

    resource: Resource
    version: int
    study: str | None
    series: str | None
    conditions: tuple[Condition, ...]
    wanted: frozenset[str]
    named: frozenset[str] = frozenset()
    external: frozenset[str] = frozenset()
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    literal: tuple[str, ...] = ()


def parse_query(
    resource: Resource,
    raw: str,
    *,
    version: int,
    study: str | None = None,
    series: str | None = None,
    extra: Mapping[str, Attribute] | None = None,
    options: SearchOptions = SearchOptions(),
    paged: bool = True,
) -> Query:
    """Understand the query string (as sent, a character for each byte, without the question mark) of a search.

    `extra` are further attributes that can be searched for, by tag; they go before the ones built in. Unless results
    come in pages, parameters about pages and what they show are ignored.

    Raises:
        InvalidQuery: a parameter is unknown, malformed or not searchable at this resource; the text names it.
    """
    controls: dict[str, list[str]] = {}
    attributes: list[tuple[str, str]] = []
    for name, value in _parameters(raw):
        if (control := name.lower()) in _CONTROLS:
            if paged or control not in _PAGE:
                controls.setdefault(control, []).append(value)
        else:
            attributes.append((name, value))
    matching = Matching(
        fuzzy=_flag(controls, "fuzzymatching"),
        empty=_flag(controls, "emptyvaluematching"),
        multiple=_flag(controls, "multiplevaluematching"),
        any_order=options.any_order_names,
        combined=options.combined_date_times,
    )
    conditions = _conditions(resource, attributes, matching, {**SEARCHABLE, **(extra or {})})
    named, everything = _included(controls.get("includefield", []))
    matched = {condition.attribute.tag for condition in conditions}
    tags_of_external = frozenset(tag for tag, attribute in (extra or {}).items() if attribute.external)
    external = tags_of_external if everything else tags_of_external & (named | matched)
    path = {UID_TAGS[level] for level, uid in ((Level.STUDY, study), (Level.SERIES, series)) if uid is not None}
    return Query(
        resource=resource,
        version=version,
        study=study,
        series=series,
        conditions=combine_dates_and_times(conditions) if options.combined_date_times else conditions,
        wanted=returned_attributes(resource, version, everything=everything) | named | matched | path | external,
        named=named,
        external=external,
        limit=_integer(controls, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        offset=_integer(controls, "offset", 0, 0, _MAX_OFFSET),
        literal=tuple(each.name for each in conditions if matching.fuzzy and each.attribute.vr == "PN" and _has_wildcards(each.test)),
    )


def _has_wildcards(test: Test) -> bool:
    return isinstance(test, Like) or (isinstance(test, AnyOf) and any(map(_has_wildcards, test.tests)))


def _parameters(raw: str) -> list[tuple[str, str]]:
    """Names and values, decoded and without surrounding white space."""
    pairs = (part.partition("=") for part in raw.replace("+", " ").split("&") if part)
    try:
        return [(_decoded(name), _decoded(value)) for name, _, value in pairs]
    except UnicodeError:
        raise InvalidQuery("The query string is not valid UTF-8.") from None


def _decoded(text: str) -> str:
    return unquote_to_bytes(text.encode("latin-1")).decode().strip()


def _flag(controls: Mapping[str, list[str]], name: str) -> bool:
    text = controls.get(name, ["false"])[0].lower()
    if text not in ("true", "false"):
        raise InvalidQuery(f"{name} must be true or false.")
    return text == "true"


def _integer(controls: Mapping[str, list[str]], name: str, default: int, least: int, most: int) -> int:
    text = controls.get(name, [str(default)])[0]
    number = int(text) if _INTEGER.fullmatch(text) else least - 1
    if not least <= number <= most:
        raise InvalidQuery(f"{name} must be a whole number from {least} to {most}.")
    return number


def _included(values: list[str]) -> tuple[frozenset[str], bool]:
    """The tags of includefield, and whether it says `all`, which makes the others meaningless."""
    named: set[str] = set()
    everything = False
    for item in (item.strip() for value in values for item in value.split(",")):
        if item.lower() == "all":
            everything = True
        else:
            named.add(_tags("includefield", item)[0])
    return frozenset() if everything else frozenset(named), everything


def _tags(parameter: str, name: str) -> Tags:
    """The tags of an attribute, or of the sequences down to it: `RequestAttributesSequence.ScheduledProcedureStepID`."""
    tags = [tag_of(part) for part in name.split(".")]
    found = tuple(tag for tag in tags if tag is not None)
    if len(found) < len(tags):
        raise InvalidQuery(f"{parameter} names an unknown attribute." if parameter != name else f"Unknown query parameter {name[:80]}.")
    if any(_vr(tag) != "SQ" for tag in found[:-1]):
        raise InvalidQuery(f"{parameter[:80]} goes into an attribute that is not a sequence.")
    return found


def _vr(tag: str) -> str:
    entry = lookup(int(tag, 16))
    return "" if entry is None else entry.vr


def _conditions(
    resource: Resource, parameters: list[tuple[str, str]], matching: Matching, searchable: Mapping[str, Attribute]
) -> tuple[Condition, ...]:
    plain: list[Condition] = []
    nested: dict[str, tuple[Condition, dict[Tags, Member]]] = {}
    seen: set[Tags] = set()
    for name, value in parameters:
        tags = _tags(name, name)
        attribute = searchable.get(tags[0]) if len(tags) == 1 else _sequence(tags[0])
        if attribute is None or attribute.level not in resource.levels:
            raise InvalidQuery(f"{name[:80]} cannot be searched for at /{resource.path}.")
        if tags in seen:
            raise InvalidQuery(f"{name[:80]} is given more than once.")
        seen.add(tags)
        vr = attribute.vr if len(tags) == 1 else _vr(tags[-1])
        test = parse_test(name[:80], vr, value, matching)
        any_value = matching.multiple and takes_many_values(tags[-1])
        if len(tags) == 1:
            plain.append(Condition(name, attribute, test, any_value))
        else:
            _, members = nested.setdefault(tags[0], (Condition(name, attribute, Anything()), {}))
            members[tags[1:]] = Member(tags[-1], vr, test, any_value)
    return (*plain, *(Condition(first.name, first.attribute, _in_item(members)) for first, members in nested.values()))


def _sequence(tag: str) -> Attribute | None:
    level = _SEQUENCES.get(tag)
    return None if level is None else Attribute("", tag, "SQ", level, indexed=False)


def _in_item(members: Mapping[Tags, Member]) -> Test:
    """One test for all conditions on a sequence: they must hold in the same item, at every depth."""
    deeper: dict[str, dict[Tags, Member]] = {}
    for path, member in members.items():
        if len(path) > 1:
            deeper.setdefault(path[0], {})[path[1:]] = member
    here = [member for path, member in members.items() if len(path) == 1]
    return InItem((*here, *(Member(tag, "SQ", _in_item(inner)) for tag, inner in deeper.items())))
