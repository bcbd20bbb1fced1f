"""Conditions applied to hits: which rows that needs, and what passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, cast

import orjson

from dicom_core.dicom.comparison import comparable
from dicom_core.dicom.document import fragment
from dicom_core.index.attributes import (
    INSTANCE_DOCUMENT,
    MODALITIES_IN_STUDY,
    SERIES_DOCUMENT,
    SERIES_LATEST,
    STUDY_DOCUMENT,
    STUDY_LATEST,
    Level,
)
from dicom_core.search.conditions import Condition
from dicom_core.search.hits import Hit, Needs, Rows
from dicom_core.search.matching import document_test, text_test
from dicom_core.search.resources import UID_TAGS

__all__ = ["EXTERNAL", "KEPT", "Filter"]

KEPT: Final[dict[Level, dict[str, frozenset[str]]]] = {
    Level.STUDY: {"doc": STUDY_DOCUMENT, "latest": STUDY_LATEST},
    Level.SERIES: {"doc": SERIES_DOCUMENT, "latest": SERIES_LATEST},
    Level.INSTANCE: {"doc": INSTANCE_DOCUMENT},
}
"""Which property of a level's rows holds which tags."""

EXTERNAL: Final = "external"
"""The property of study rows that holds external attributes."""

_Check = tuple[str | None, Callable[[Hit], bool]]  # the property that it reads, and whether a hit passes


class Filter:
    """Some conditions, level by level: those of a study first, as they spare reading the rows of its series.

    `needs` are the properties of each level's rows that the conditions test.
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        checks: dict[Level, list[_Check]] = {level: [] for level in Level}
        for condition in conditions:
            checks[condition.attribute.level].append(_check(condition))
        self.needs: Needs = {level: frozenset(name for name, _ in of_level if name) for level, of_level in checks.items()}
        self._checks = {level: [passes for _, passes in of_level] for level, of_level in checks.items()}

    async def passing(self, hits: Sequence[Hit], rows: Rows) -> list[Hit]:
        """The hits that fulfil all conditions."""
        left = list(hits)
        for level, checks in self._checks.items():
            if checks and left:
                left = await rows.load(left, {level: self.needs[level]})
                left = [hit for hit in left if all(passes(hit) for passes in checks)]
        return left


def _check(condition: Condition) -> _Check:
    tag, level = condition.attribute.tag, condition.attribute.level
    if tag == UID_TAGS[level]:
        is_wanted = text_test("UI", condition.test)
        return None, lambda hit: is_wanted(hit.uids[level - 1])
    if tag == MODALITIES_IN_STUDY:
        return "modalities", _modality_check(condition)
    name = EXTERNAL if condition.attribute.external else next((name for name, tags in KEPT[level].items() if tag in tags), "doc")
    holds = document_test(condition)
    return name, lambda hit: holds(partial(fragment, cast(bytes, hit.row(level).properties[name])))


def _modality_check(condition: Condition) -> Callable[[Hit], bool]:
    accepts = text_test("CS", condition.test)

    def check(hit: Hit) -> bool:
        modalities = list(orjson.loads(cast(str, hit.row(Level.STUDY).properties["modalities"])))
        return any(accepts(comparable("CS", each)) for each in modalities or [""])

    return check
