"""Searching as a plain filter over stored instances: the rules once more, as simply as they can be said.

Nothing here comes from the code under test. Values are Python values by keyword; None is an empty element.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Condition", "Model", "Search"]

STUDY_KEPT = ["PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName", "StudyDate", "StudyDescription"]
SERIES_KEPT = ["Modality", "PerformedProcedureStepStartDate", "ManufacturerModelName"]
STUDY_OTHERS = ["StudyTime", "StudyID", "PatientSex", "PatientAge"]
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
DATE_AND_TIME = ("StudyDate", "StudyTime")

SETS = {
    "study": {
        1: [
            "PatientName",
            "PatientID",
            "PatientBirthDate",
            "AccessionNumber",
            "ReferringPhysicianName",
            "StudyDate",
            "StudyTime",
            "StudyID",
            "PatientSex",
            "TimezoneOffsetFromUTC",
        ],
        2: STUDY_KEPT,
    },
    "series": {
        1: ["Modality", "PerformedProcedureStepStartDate", "SeriesDescription", "RequestAttributesSequence", "TimezoneOffsetFromUTC"],
        2: SERIES_KEPT,
    },
    "instance": {1: ["SOPClassUID", "InstanceNumber", "Rows", "TimezoneOffsetFromUTC"], 2: []},
}
ALL = {
    "study": [*SETS["study"][1], "StudyDescription", "PatientAge"],
    "series": [*SETS["series"][1], "SeriesNumber"],
    "instance": SETS["instance"][1],
}
LEVELS = {
    "studies": ("study",),
    "series": ("study", "series"),
    "instances": ("study", "series", "instance"),
    "studies/{study}/series": ("series",),
    "studies/{study}/instances": ("series", "instance"),
    "studies/{study}/series/{series}/instances": ("instance",),
}

Uids = tuple[str, ...]
Values = dict[str, Any]


@dataclass(frozen=True)
class Condition:
    """`kind` is value, list, range, wildcard or empty; `texts` are its value, values, two ends or pattern.

    The keyword may be `RequestAttributesSequence.X`.
    """

    keyword: str
    kind: str
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """A search request."""

    path: str
    uids: Uids = ()
    conditions: tuple[Condition, ...] = ()
    included: tuple[str, ...] = ()
    version: int = 2
    fuzzy: bool = False
    multiple: bool = False
    limit: int = 100
    offset: int = 0
    combined: bool = False
    any_order: bool = False


@dataclass
class Kept:
    """What a study or series remembers: when it came, and the latest non-empty values."""

    created: int
    values: Values = field(default_factory=dict)


class Model:
    """Everything stored."""

    def __init__(self) -> None:
        self.instances: dict[Uids, tuple[int, Values]] = {}
        self.kept: dict[Uids, Kept] = {}
        self.clock = 0

    def store(self, uids: Uids, values: Values) -> None:
        """Store an instance, unless there is one."""
        if uids in self.instances:
            return
        self.clock += 1
        self.instances[uids] = (self.clock, values)
        for above, keywords in ((uids[:1], STUDY_KEPT), (uids[:2], SERIES_KEPT)):
            kept = self.kept.setdefault(above, Kept(self.clock))
            kept.values |= {keyword: values[keyword] for keyword in keywords if values.get(keyword) is not None}

    def delete(self, uids: Uids) -> None:
        """Delete what lies under some UIDs."""
        self.instances = {each: stored for each, stored in self.instances.items() if each[: len(uids)] != uids}
        self.kept = {above: kept for above, kept in self.kept.items() if any(each[: len(above)] == above for each in self.instances)}

    def search(self, search: Search) -> list[Values]:
        """All results, newest first, whatever the page."""
        depth = {"study": 1, "series": 2, "instance": 3}[LEVELS[search.path][-1]]
        found = {uids[:depth] for uids in self.instances if uids[: len(search.uids)] == search.uids}
        passing = [uids for uids in found if self._passes(search, uids)]
        passing.sort(key=self._created, reverse=True)
        return [self._result(search, uids) for uids in passing]

    def _created(self, uids: Uids) -> int:
        return self.instances[uids][0] if len(uids) == 3 else self.kept[uids].created

    def _newest(self, uids: Uids) -> Values:
        below = {each: stored for each, stored in self.instances.items() if each[: len(uids)] == uids}
        newest = max(below, key=lambda each: below[each][0])
        return {**below[newest][1], **dict(zip(UIDS, newest, strict=True))}

    def _value(self, search: Search, uids: Uids, keyword: str) -> Any:
        """An attribute of a result."""
        levels = LEVELS[search.path]
        if keyword in UIDS[: len(uids)]:
            return uids[UIDS.index(keyword)]
        if keyword == "ModalitiesInStudy":
            series = [kept.values.get("Modality") for above, kept in self.kept.items() if len(above) == 2 and above[0] == uids[0]]
            return sorted({each for each in series if each is not None}) or None
        if keyword == "NumberOfStudyRelatedInstances":
            return sum(each[0] == uids[0] for each in self.instances)
        if keyword == "NumberOfSeriesRelatedInstances" and len(uids) > 1:
            return sum(each[:2] == uids[:2] for each in self.instances)
        for level, keywords, others in (("study", STUDY_KEPT, STUDY_OTHERS), ("series", SERIES_KEPT, ALL["series"])):
            depth = ("study", "series").index(level) + 1
            if level in levels and depth <= len(uids) and keyword != "TimezoneOffsetFromUTC":
                if keyword in self.kept[uids[:depth]].values and keyword in keywords:
                    return self.kept[uids[:depth]].values[keyword]
                if keyword in keywords or keyword in others:
                    return self._newest(uids[:depth]).get(keyword)
        return self._newest(uids).get(keyword)

    def _result(self, search: Search, uids: Uids) -> Values:
        levels = LEVELS[search.path]
        everything = "all" in search.included
        sets = [ALL[level] if everything else SETS[level][search.version] for level in levels]
        if everything and search.version == 2 and "series" in levels:
            sets.append(["ManufacturerModelName"])
        depths = {("study", "series", "instance").index(level) for level in levels} | set(range(len(search.uids)))
        matched = [condition.keyword.split(".")[0] for condition in search.conditions]
        included = [] if everything else search.included
        keywords = {*(keyword for each in sets for keyword in each), *included, *matched, *(UIDS[depth] for depth in depths)}
        result = {keyword: self._value(search, uids, keyword) for keyword in keywords}
        return {keyword: value for keyword, value in result.items() if value is not None}

    def _passes(self, search: Search, uids: Uids) -> bool:
        given = {condition.keyword: condition for condition in search.conditions}
        left = list(search.conditions)
        if search.combined and all(keyword in given and given[keyword].kind in ("value", "range") for keyword in DATE_AND_TIME):
            date, time = (given[keyword] for keyword in DATE_AND_TIME)
            if "range" in (date.kind, time.kind):
                left = [condition for condition in left if condition.keyword not in DATE_AND_TIME]
                if not _within(date, time, *(self._value(search, uids, keyword) for keyword in DATE_AND_TIME)):
                    return False
        nested = [condition for condition in left if "." in condition.keyword]
        if nested:
            items: list[Values] = self._value(search, uids, "RequestAttributesSequence") or [{}]
            if not any(all(_holds(search, each, item.get(each.keyword.split(".")[1])) for each in nested) for item in items):
                return False
        return all(_holds(search, each, self._value(search, uids, each.keyword)) for each in left if each not in nested)


def _holds(search: Search, condition: Condition, value: Any) -> bool:
    keyword, kind, texts = condition.keyword, condition.kind, condition.texts
    values = value if isinstance(value, list) and keyword == "ModalitiesInStudy" else [value]
    if kind == "empty":
        return values == [None]
    if kind == "wildcard" and texts == ("*",):
        return True
    test = _test(search, keyword, kind, texts)
    return any(each is not None and test(each) for each in values)


def _test(search: Search, keyword: str, kind: str, texts: tuple[str, ...]) -> Callable[[Any], bool]:
    is_name = keyword.endswith("Name") and keyword != "ManufacturerModelName"
    if keyword.endswith("Time"):
        first, last = (_time(text) if text else None for text in (texts[0], texts[-1]))
        return lambda value: (first is None or first <= _time(value)) and (last is None or _time(value) <= last)
    if kind == "range":
        return lambda value: (texts[0] or "0") <= value <= (texts[1] or "9")
    if keyword in ("SeriesNumber", "InstanceNumber"):
        return lambda value: int(value) in map(int, texts)
    plain = _without_accents if is_name else str.lower
    if kind == "wildcard":
        pattern = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in plain(texts[0]))
        return lambda value: re.fullmatch(pattern, plain(value)) is not None
    if is_name and search.fuzzy:
        return lambda value: any(_fuzzy(_words(text), _words(value), any_order=search.any_order) for text in texts)
    return lambda value: plain(value) in map(plain, texts)


def _without_accents(text: str) -> str:
    return text.lower().translate(str.maketrans("áàéö", "aaeo"))


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\^= ]", _without_accents(text)) if word]


def _fuzzy(query: list[str], name: list[str], *, any_order: bool) -> bool:
    if not query:
        return True
    if any_order:
        return any(
            each.startswith(query[0]) and _fuzzy(query[1:], name[:at] + name[at + 1 :], any_order=True) for at, each in enumerate(name)
        )
    starts = range(len(name) - len(query) + 1)
    return any(all(each.startswith(word) for each, word in zip(name[at:], query, strict=False)) for at in starts)


def _time(text: str) -> float:
    whole, _, fraction = text.partition(".")
    whole = whole.ljust(6, "0")
    return int(whole[:2]) * 3600 + int(whole[2:4]) * 60 + int(whole[4:]) + float(f"0.{fraction or 0}")


def _within(date: Condition, time: Condition, on: str | None, at: str | None) -> bool:
    if on is None or at is None:
        return False
    first = (date.texts[0] or "0", _time(time.texts[0]) if time.texts[0] else 0.0)
    last = (date.texts[-1] or "9", _time(time.texts[-1]) if time.texts[-1] else 1e9)
    if not date.texts[0]:
        first = ("0", 0.0)
    if not date.texts[-1]:
        last = ("9", 1e9)
    return first <= (on, _time(at)) <= last
