"""Which key ranges a search reads. Pure.

A search takes one of three ways:

- UIDs tell the rows: they are read by key.
- The most selective condition with search rows gives a set of studies, series or instances, which is then cut down by
  the other conditions. It is collected whole and sorted, if it is small.
- Otherwise rows are walked newest first, along one value or along everything, until the page is full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dicom_core.index.attributes import MODALITIES_IN_STUDY, STUDY_INSTANCE_UID, Attribute, Level
from dicom_core.index.keys import KeyRange, escape, everything, exact, prefix, value_range
from dicom_core.index.search_rows import MANY_WORDS, NAME_WORD
from dicom_core.search.conditions import AnyOf, Anything, Between, Condition, Equal, Instants, Like, Test, Words
from dicom_core.search.parsing import is_uid
from dicom_core.search.query import Query
from dicom_core.search.resources import UID_TAGS

__all__ = ["Plan", "Source", "plan_search"]

# How few rows a condition leaves, the fewest first; attributes not named here come before descriptions.
_SELECTIVITY: Final = {
    "0020000E": 0,  # SeriesInstanceUID
    "00080018": 0,  # SOPInstanceUID
    "00080050": 1,  # AccessionNumber
    "00100020": 2,  # PatientID
    "00100010": 3,  # PatientName
    "00100030": 4,  # PatientBirthDate
    "00080020": 5,  # StudyDate
    "00400244": 5,  # PerformedProcedureStepStartDate
    "00081030": 7,  # StudyDescription
    "00081090": 8,  # ManufacturerModelName
    "00080060": 9,  # Modality
    "00080061": 9,  # ModalitiesInStudy
}
_OTHERS: Final = 6
_RANGE_COSTS: Final = 2  # more than one value
_SHORT_PREFIX_COSTS: Final = 6
_SHORT: Final = 3  # characters of a prefix that still leaves too many rows


@dataclass(frozen=True, slots=True)
class Source:
    """Search rows of one level that hold everything a condition lets through.

    `newest_first`: each range holds one value, so that its keys are in order of creation. `answers` is the condition
    that all of these rows fulfil, if they do. `besides` has the rows that the condition may let through too, if any.
    """

    level: Level
    ranges: tuple[KeyRange, ...]
    newest_first: bool
    answers: Condition | None = None
    besides: Source | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How to search: by UIDs if `studies` (or with them `series`) are known; else `narrow`, if it is; else `walk`.

    `conditions` are those to test, unless the source answers them. `bounded`: one of them has no search rows, so that
    the search may have to look at very many rows and gives up at some point.
    """

    studies: tuple[str, ...] | None
    series: tuple[str, ...] | None
    narrow: Source | None
    walk: Source
    conditions: tuple[Condition, ...]
    bounded: bool


def plan_search(query: Query) -> Plan:
    """Choose how to search."""
    level = query.resource.level
    studies = _uids(query, Level.STUDY, query.study)
    series = None if studies is None else _uids(query, Level.SERIES, query.series)
    known = {UID_TAGS[at] for at, uids in ((Level.STUDY, studies), (Level.SERIES, series)) if uids is not None}
    conditions = tuple(each for each in query.conditions if each.attribute.tag not in known and not isinstance(each.test, Anything))
    sources = sorted(((_cost(each), source) for each in conditions if (source := _source(each)) is not None), key=lambda pair: pair[0])
    best = sources[0][1] if sources else None
    walkable = (source for _, source in sources if source.level is level and source.newest_first)
    walk = next(walkable, Source(level, (everything(level),), newest_first=True))
    return Plan(
        studies=studies,
        series=series,
        narrow=None if best is walk else best,
        walk=walk,
        conditions=conditions,
        bounded=len(sources) < len(conditions),
    )


def _uids(query: Query, level: Level, in_path: str | None) -> tuple[str, ...] | None:
    """The UID of the path, or those that a condition lists; text that is no UID is none of them."""
    if in_path is not None:
        return (in_path,)
    for each in query.conditions:
        if each.attribute.tag == UID_TAGS[level] and isinstance(each.test, Equal):
            return tuple(sorted(filter(is_uid, each.test.values)))
    return None


def _source(condition: Condition) -> Source | None:
    attribute = condition.attribute
    by_first_value_only = condition.any_value and attribute.tag != MODALITIES_IN_STUDY
    if not attribute.indexed or attribute.tag == STUDY_INSTANCE_UID or by_first_value_only:
        return None
    found = _ranges(attribute, condition.test)
    if found is None:
        return None
    ranges, answers = found
    besides = _names_of_many_words(attribute) if _is_fuzzy(condition.test) else None
    return Source(attribute.level, ranges, isinstance(condition.test, Equal), condition if answers else None, besides)


def _is_fuzzy(test: Test) -> bool:
    return isinstance(test, Words) or (isinstance(test, AnyOf) and any(map(_is_fuzzy, test.tests)))


def _names_of_many_words(attribute: Attribute) -> Source:
    """Names of which some words have no rows."""
    return Source(attribute.level, (exact(attribute.level, f"{attribute.key}{NAME_WORD}", MANY_WORDS),), newest_first=True)


def _ranges(attribute: Attribute, test: Test) -> tuple[tuple[KeyRange, ...], bool] | None:
    """The ranges of rows that may pass a test, and whether all of them do; None when that is every row."""
    level, tag = attribute.level, attribute.key
    match test:
        case Equal(values):
            return tuple(exact(level, tag, value) for value in sorted(values)), True
        case Between(first, last):
            return (value_range(level, tag, first, last),), True
        case Instants(_, first, last):
            return (value_range(level, tag, first and first[:8], last and last[:8]),), False
        case Like(pattern):
            start = _literal_start(pattern)
            if not start:
                return None
            key_range = prefix(level, tag, start)
            return (key_range,), pattern == f"{start}*" and _is_whole(key_range, start)
        case Words(words, any_order):
            ranges = _word_ranges(level, tag, words, any_order=any_order)
            return ranges, len(words) == 1 and _is_whole(ranges[0], words[0])
        case AnyOf(tests):
            found = [each for each in (_ranges(attribute, one) for one in tests) if each is not None]
            if len(found) < len(tests):
                return None
            return tuple(key_range for ranges, _ in found for key_range in ranges), all(answers for _, answers in found)
        case _:
            return None


def _word_ranges(level: Level, tag: str, words: tuple[str, ...], *, any_order: bool) -> tuple[KeyRange, ...]:
    """Names with a word that begins with the longest query word. The first word of a name has no row of its own."""
    longest = max(words, key=len)
    later = prefix(level, f"{tag}{NAME_WORD}", longest)
    return (prefix(level, tag, longest), later) if any_order or longest == words[0] else (later,)


def _is_whole(key_range: KeyRange, start: str) -> bool:
    """Whether a prefix range begins with the whole prefix: long ones are cut."""
    return key_range[0].endswith(f"|{escape(start)}")


def _literal_start(pattern: str) -> str:
    return pattern[: min((place for wildcard in "*?" if (place := pattern.find(wildcard)) >= 0), default=len(pattern))]


def _cost(condition: Condition) -> int:
    cost = _SELECTIVITY.get(condition.attribute.tag, _OTHERS)
    match condition.test:
        case Equal():
            return cost
        case Like(pattern) if len(_literal_start(pattern)) < _SHORT:
            return cost + _SHORT_PREFIX_COSTS
        case Words(words) if len(max(words, key=len)) < _SHORT:
            return cost + _SHORT_PREFIX_COSTS
        case _:
            return cost + _RANGE_COSTS
