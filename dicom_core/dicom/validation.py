"""Which attributes of an instance are checked, by which rules, and what the client is told.

The strict way (API version 1) checks only indexed attributes, and every fault refuses the instance. The lenient way
(version 2) checks everything; only faults of the identifying attributes refuse the instance, others are warnings.

As the Microsoft service does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from dicom_core.dicom.json_model import Message, Values
from dicom_core.dicom.reason_codes import FailureReason
from dicom_core.dicom.vr_dictionary import lookup
from dicom_core.dicom.vr_rules import FULL, LEAST_BYTES, MINIMUM, NUL_PADDED_VRS, USUAL

__all__ = [
    "IDENTIFIERS",
    "INDEXED",
    "PATIENT_ID",
    "SERIES_INSTANCE_UID",
    "SOP_CLASS_UID",
    "SOP_INSTANCE_UID",
    "STUDY_INSTANCE_UID",
    "Fault",
    "LenientChecks",
    "StrictChecks",
    "error_comments",
    "full_check",
]

SOP_CLASS_UID, SOP_INSTANCE_UID = 0x00080016, 0x00080018
STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = 0x0020000D, 0x0020000E
PATIENT_ID = 0x00100020

IDENTIFIERS = frozenset((STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID))
"""Never dropped from the metadata, whatever is wrong with them."""

_CORE = {SOP_CLASS_UID: "UI", STUDY_INSTANCE_UID: "UI", SERIES_INSTANCE_UID: "UI", SOP_INSTANCE_UID: "UI", PATIENT_ID: "LO"}

INDEXED = {
    STUDY_INSTANCE_UID: "UI",
    SERIES_INSTANCE_UID: "UI",
    SOP_INSTANCE_UID: "UI",
    PATIENT_ID: "LO",
    0x00100010: "PN",  # Patient's Name
    0x00100030: "DA",  # Patient's Birth Date
    0x00080050: "SH",  # Accession Number
    0x00080090: "PN",  # Referring Physician's Name
    0x00080020: "DA",  # Study Date
    0x00081030: "LO",  # Study Description
    0x00080061: "CS",  # Modalities in Study
    0x00080060: "CS",  # Modality
    0x00400244: "DA",  # Performed Procedure Step Start Date
    0x00081090: "LO",  # Manufacturer's Model Name
}

_STRICT = frozenset(_CORE) | frozenset(INDEXED)

# multiplicity means nothing for these, their values being one blob or the whole text
_UNCOUNTED_VRS = frozenset(("UC",))

# a message repeats the value, which may be megabytes of text
_MOST_CHARACTERS = 16 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an instance is refused whatever else is right with it."""

    reason: FailureReason
    message: Message


def _missing(tag: int) -> Fault:
    text = f"The required tag '({tag >> 16:04x},{tag & 0xFFFF:04x})' is missing."
    return Fault(FailureReason.VALIDATION_FAILED, Message(tag, None, text))


def error_comments(messages: Iterable[Message]) -> list[str]:
    """The texts for (0000,0902) Error Comment, one per attribute: the first said about it."""
    texts: dict[tuple[int, str | None], str] = {}
    for tag, creator, text in messages:
        suffix = f":{creator}" if creator else ""
        texts.setdefault((tag, creator), f"DICOM100: ({tag >> 16:04x},{tag & 0xFFFF:04x}{suffix}) - {text}")
    return list(texts.values())


def full_check(tag: int, vr: str, values: Values, creator: str | None) -> str | None:
    """Check every value of any element by the full rule of its VR, and their number."""
    usual = USUAL.get(vr)
    if usual is not None:
        for value in values:
            if not usual(value) and value and (wrong := _objection(vr, str(value))) is not None:
                return _quote(str(value), vr, wrong)
    count = len(values)
    entry = lookup(tag)
    if entry is None or (count == 1 and entry.least == 1) or vr in _UNCOUNTED_VRS or entry.allows(count):
        return None
    return _quote("\\".join(map(str, values)), vr, f"{count} values do not match the multiplicity of the attribute")


def _objection(vr: str, value: str) -> str | None:
    rule = FULL[vr]
    wrong = rule(value)
    if wrong is not None and vr in NUL_PADDED_VRS and value.endswith("\0"):
        unpadded = value.rstrip("\0 ")
        return rule(unpadded) if unpadded else None
    return wrong


def _quote(content: str, vr: str, wrong: str) -> str:
    return f'Content "{content[:_MOST_CHARACTERS]}" does not validate VR {vr}: {wrong}'


def _minimum_check(tag: int, expected: str, vr: str, values: Values, *, any_vr: bool) -> str | None:
    """Check the first value by the minimum rule of the VR that the attribute should have.

    In implicit VR files, `any_vr`, the VR comes from the dictionary, so it is right by itself.
    """
    wrong = None
    if vr != expected and not any_vr:
        wrong = f"The element has VR '{vr}'."
    elif expected in LEAST_BYTES:
        wrong = None if values else f"Value length is not {LEAST_BYTES[expected]}."
    elif values and values[0] and expected in MINIMUM:
        wrong = MINIMUM[expected](str(values[0]).strip(" ") if expected == "AE" else str(values[0]))
    if wrong is None:
        return None
    entry = lookup(tag)
    name = entry.keyword if entry is not None else f"{tag:08X}"
    return f"Dicom element '{name}' failed validation for VR '{expected}': {wrong}"


@dataclass(slots=True)
class _Checks:
    """What the checks of one instance found: values of the core attributes, and indexed ones with several values."""

    patient_id_may_be_blank: ClassVar[bool]
    implicit_vr: bool
    core: dict[int, Values] = field(default_factory=dict)
    multi_valued: list[int] = field(default_factory=list)

    def _single(self, tag: int) -> bool:
        values = self.core.get(tag, ())
        return len(values) == 1 and bool(str(values[0]).strip("\0 "))

    def required(self, study: str | None) -> Fault | None:
        """The first fault among what every instance must have; `study` is the UID that its study must have."""
        for tag in (SOP_CLASS_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID, SOP_INSTANCE_UID):
            if not self._single(tag):
                return _missing(tag)
        if study is not None and self.text(STUDY_INSTANCE_UID) != study.rstrip(" "):
            text = "The StudyInstanceUID of the instance is not the one of the URL."
            return Fault(FailureReason.STUDY_MISMATCH, Message(STUDY_INSTANCE_UID, None, text))
        has_patient_id = PATIENT_ID in self.core if self.patient_id_may_be_blank else self._single(PATIENT_ID)
        return None if has_patient_id else _missing(PATIENT_ID)

    def text(self, tag: int) -> str:
        """The value of a core attribute as it stands, without padding; empty when absent."""
        return "\\".join(map(str, self.core.get(tag, ()))).rstrip("\0 ")


@dataclass(slots=True)
class StrictChecks(_Checks):
    """The checks of API version 1, of the indexed attributes and those in `extra`.

    `extra` gives the VR of further attributes by tag and private creator; the tag of a private one is without block
    number: (gggg,xxee) is 0xgggg00ee.
    """

    patient_id_may_be_blank = False
    extra: Mapping[tuple[int, str | None], str] = field(default_factory=dict)

    @property
    def noted(self) -> frozenset[int]:
        """Tags of the elements that `check` must see, beside private ones if there are any in `extra`."""
        return _STRICT | {tag for tag, _ in self.extra}

    def check(self, tag: int, vr: str, values: Values, creator: str | None) -> str | None:
        """Check an element of the main data set."""
        if tag in _CORE:
            self.core[tag] = values
        expected = INDEXED.get(tag)
        if expected is None and self.extra:
            expected = self.extra.get((tag & ~0xFF00 if creator is not None else tag, creator))
        if expected is None:
            return None
        if len(values) > 1:
            self.multi_valued.append(tag)
        return _minimum_check(tag, expected, vr, values, any_vr=self.implicit_vr)


@dataclass(slots=True)
class LenientChecks(_Checks):
    """The checks of API version 2; `failed` when a core attribute is at fault."""

    patient_id_may_be_blank = True
    noted: ClassVar[frozenset[int]] = frozenset(_CORE)
    failed: bool = False

    def check(self, tag: int, vr: str, values: Values, creator: str | None) -> str | None:
        """Check an element of the main data set."""
        expected = _CORE.get(tag)
        if expected is None:
            return full_check(tag, vr, values, creator)
        self.core[tag] = values
        if len(values) > 1:
            self.multi_valued.append(tag)
        wrong = _minimum_check(tag, expected, vr, [str(value).rstrip("\0").rstrip(" ") for value in values], any_vr=self.implicit_vr)
        if wrong is not None:
            self.failed = True
            return wrong
        if tag == PATIENT_ID and not any(values):
            return _missing(PATIENT_ID).message.text
        return full_check(tag, vr, values, creator)
