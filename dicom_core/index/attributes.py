"""The attributes that studies, series and instances are found by, and those that search rows and results carry.

As the Microsoft service does, plus the keys that PS3.18 Table 10.6.1-5 requires of every server.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

__all__ = [
    "INSTANCE_DOCUMENT",
    "MODALITIES_IN_STUDY",
    "MODALITY",
    "SEARCHABLE",
    "SERIES_DOCUMENT",
    "SERIES_EXTRAS",
    "SERIES_INSTANCE_UID",
    "SERIES_LATEST",
    "SOP_INSTANCE_UID",
    "STUDY_DOCUMENT",
    "STUDY_EXTRAS",
    "STUDY_INSTANCE_UID",
    "STUDY_LATEST",
    "Attribute",
    "Level",
]


class Level(IntEnum):
    """Levels of the DICOM information model, outermost first."""

    STUDY = 1
    SERIES = 2
    INSTANCE = 3


@dataclass(frozen=True, slots=True)
class Attribute:
    """A searchable attribute. `tag` is 8 upper-case hexadecimal digits.

    `indexed`: has search rows, and its value at study or series level is the latest non-empty one. Others are only
    tested on rows found by other means, and show the value of the newest instance. `external`: comes with requests, not in
    files, and is kept in the study row's document of external attributes.
    """

    keyword: str
    tag: str
    vr: str
    level: Level
    indexed: bool = True
    external: bool = False

    @property
    def key(self) -> str:
        """What its search rows have for a tag: an external attribute may have the tag of one in files."""
        return f"{self.tag}m" if self.external else self.tag


STUDY_INSTANCE_UID: Final = "0020000D"
SERIES_INSTANCE_UID: Final = "0020000E"
SOP_INSTANCE_UID: Final = "00080018"
MODALITY: Final = "00080060"
MODALITIES_IN_STUDY: Final = "00080061"

SEARCHABLE: Final[dict[str, Attribute]] = {
    attribute.tag: attribute
    for attribute in (
        Attribute("StudyInstanceUID", "0020000D", "UI", Level.STUDY),
        Attribute("PatientName", "00100010", "PN", Level.STUDY),
        Attribute("PatientID", "00100020", "LO", Level.STUDY),
        Attribute("PatientBirthDate", "00100030", "DA", Level.STUDY),
        Attribute("AccessionNumber", "00080050", "SH", Level.STUDY),
        Attribute("ReferringPhysicianName", "00080090", "PN", Level.STUDY),
        Attribute("StudyDate", "00080020", "DA", Level.STUDY),
        Attribute("StudyDescription", "00081030", "LO", Level.STUDY),
        Attribute("ModalitiesInStudy", MODALITIES_IN_STUDY, "CS", Level.STUDY),
        Attribute("SeriesInstanceUID", "0020000E", "UI", Level.SERIES),
        Attribute("Modality", "00080060", "CS", Level.SERIES),
        Attribute("PerformedProcedureStepStartDate", "00400244", "DA", Level.SERIES),
        Attribute("ManufacturerModelName", "00081090", "LO", Level.SERIES),
        Attribute("SOPInstanceUID", "00080018", "UI", Level.INSTANCE),
        Attribute("StudyTime", "00080030", "TM", Level.STUDY, indexed=False),
        Attribute("StudyID", "00200010", "SH", Level.STUDY, indexed=False),
        Attribute("PatientSex", "00100040", "CS", Level.STUDY, indexed=False),
        Attribute("SeriesNumber", "00200011", "IS", Level.SERIES, indexed=False),
        Attribute("SeriesDescription", "0008103E", "LO", Level.SERIES, indexed=False),
        Attribute("PerformedProcedureStepStartTime", "00400245", "TM", Level.SERIES, indexed=False),
        Attribute("SOPClassUID", "00080016", "UI", Level.INSTANCE, indexed=False),
        Attribute("InstanceNumber", "00200013", "IS", Level.INSTANCE, indexed=False),
    )
}

_COMMON: Final = ("00080005", "00080056", "00080201")  # SpecificCharacterSet, InstanceAvailability, TimezoneOffsetFromUTC

# What covering rows carry: everything that a search returns without being asked, and everything it can test.
STUDY_DOCUMENT: Final = frozenset(
    (
        *_COMMON,
        "0020000D",
        "00080020",
        "00080030",
        "00080050",
        "00080090",
        "00081030",
        "00100010",
        "00100020",
        "00100030",
        "00100040",
        "00200010",
    )
)
SERIES_DOCUMENT: Final = frozenset(
    (*_COMMON, "0020000E", "00080060", "0008103E", "00081090", "00200011", "00400244", "00400245", "00400275")
)
INSTANCE_DOCUMENT: Final = frozenset((*_COMMON, "00080016", "00080018", "00200013", "00280008", "00280010", "00280011", "00280100"))

# What the study and series rows also keep of their newest instance, because results are often asked to include it:
# the rest of the sets that `includefield=all` returns, and what viewers show in their lists.
_VIEWER_LIST: Final = (
    "00080060",
    "00080070",
    "00080080",
    "00081010",
    "00081040",
    "0008103E",
    "00081090",
    "00180015",
    "00181030",
    "00200011",
)
# what `includefield=all` adds to everything above
STUDY_EXTRAS: Final = frozenset(
    (
        "00080063",
        "00081032",
        "00081060",
        "00081080",
        "00081110",
        "00101010",
        "00101020",
        "00101030",
        "00102180",
        "001021B0",
    )
)
SERIES_EXTRAS: Final = frozenset(("00080021", "00080031", "00200060"))

STUDY_LATEST: Final = STUDY_EXTRAS.union(_VIEWER_LIST)
SERIES_LATEST: Final = SERIES_EXTRAS.union(_VIEWER_LIST) - SERIES_DOCUMENT
