"""The six resources that can be searched, and the attributes that each returns.

Standard: PS3.18 10.6.1.1, 10.6.3.3, with the sets of the Microsoft service
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from dicom_core.index.attributes import SEARCHABLE, SERIES_EXTRAS, STUDY_EXTRAS, Level

__all__ = ["LEVEL_ATTRIBUTES", "UID_TAGS", "Resource", "returned_attributes"]


class Resource(Enum):
    """What a search yields: the level of its results, and the levels whose attributes may be matched and are returned."""

    STUDIES = ("studies", Level.STUDY, (Level.STUDY,))
    SERIES = ("series", Level.SERIES, (Level.STUDY, Level.SERIES))
    INSTANCES = ("instances", Level.INSTANCE, (Level.STUDY, Level.SERIES, Level.INSTANCE))
    STUDY_SERIES = ("studies/{study}/series", Level.SERIES, (Level.SERIES,))
    STUDY_INSTANCES = ("studies/{study}/instances", Level.INSTANCE, (Level.SERIES, Level.INSTANCE))
    SERIES_INSTANCES = ("studies/{study}/series/{series}/instances", Level.INSTANCE, (Level.INSTANCE,))

    def __init__(self, path: str, level: Level, levels: tuple[Level, ...]) -> None:
        self.path = path
        self.level = level
        self.levels = levels


UID_TAGS: Final = {Level.STUDY: "0020000D", Level.SERIES: "0020000E", Level.INSTANCE: "00080018"}

_CHARACTER_SET_AND_TIME_ZONE: Final = {"00080005", "00080201"}

_V2: Final = {
    Level.STUDY: frozenset(
        ("0020000D", "00080020", "00080050", "00080090", "00100010", "00100020", "00100030", "00081030"),
    ),
    Level.SERIES: frozenset(("0020000E", "00080060", "00400244", "00081090")),
    Level.INSTANCE: frozenset(("00080018",)),
}
_V1: Final = {
    Level.STUDY: _V2[Level.STUDY] - {"00081030"} | _CHARACTER_SET_AND_TIME_ZONE | {"00080030", "00080056", "00100040", "00200010"},
    Level.SERIES: _V2[Level.SERIES] - {"00081090"} | _CHARACTER_SET_AND_TIME_ZONE | {"0008103E", "00400245", "00400275"},
    Level.INSTANCE: _V2[Level.INSTANCE]
    | _CHARACTER_SET_AND_TIME_ZONE
    | {"00080016", "00080056", "00200013", "00280010", "00280011", "00280100", "00280008"},
}
_REST: Final = {  # with `all`
    Level.STUDY: STUDY_EXTRAS | {"00081030"},
    Level.SERIES: SERIES_EXTRAS | {"00200011"},
    Level.INSTANCE: frozenset[str](),
}
_DEFAULT: Final = {1: _V1, 2: _V2}
_ALL: Final = {version: {level: default[level] | _V1[level] | _REST[level] for level in Level} for version, default in _DEFAULT.items()}

LEVEL_ATTRIBUTES: Final[dict[Level, frozenset[str]]] = {
    level: _ALL[2][level] | {attribute.tag for attribute in SEARCHABLE.values() if attribute.level is level} for level in Level
}
"""The attributes that describe a whole study, a whole series or an instance."""


def returned_attributes(resource: Resource, version: int, *, everything: bool) -> frozenset[str]:
    """The tags that a resource returns without being asked, or with `includefield=all`; version 1 or 2 of the API."""
    sets = (_ALL if everything else _DEFAULT)[version]
    return frozenset().union(*(sets[level] for level in resource.levels))
