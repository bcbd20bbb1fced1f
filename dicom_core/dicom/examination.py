"""Everything that storing an instance needs to know about it, in one pass over its elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dicom_core.dicom.elements import Header
from dicom_core.dicom.json_model import Bulk, Encoded, encode
from dicom_core.dicom.reason_codes import FailureReason, WarningReason
from dicom_core.dicom.validation import (
    IDENTIFIERS,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    LenientChecks,
    StrictChecks,
    error_comments,
    full_check,
)

__all__ = ["Examined", "examine"]

_NO_EXTRA: Mapping[tuple[int, str | None], str] = {}


@dataclass(frozen=True, slots=True)
class Examined:
    """An instance as the store service sees it.

    `fragments` make its metadata document. `messages` are the texts of Error Comment: why it is `refused`, or warnings.
    UIDs are as they stand in the file but without padding, empty when absent. `multi_valued` are the indexed
    attributes of which only the first value is indexed.
    """

    fragments: dict[str, bytes]
    bulk: list[Bulk]
    messages: list[str]
    refused: FailureReason | None
    warning: WarningReason | None
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    multi_valued: list[int]


def examine(
    header: Header, *, lenient: bool, study: str | None = None, extra: Mapping[tuple[int, str | None], str] = _NO_EXTRA
) -> Examined:
    """Encode the metadata of an instance and check it, strictly (API version 1) or leniently (version 2).

    `study` is the StudyInstanceUID that the instance must have. `extra` gives the VRs of further attributes that
    strict checks cover, by tag and private creator; the tag of a private one is without block number.
    """
    checks: LenientChecks | StrictChecks
    refused: FailureReason | None
    if lenient:
        checks = LenientChecks(header.implicit_vr)
        encoded = encode(header, check=checks.check, noted=checks.noted, rule=full_check, keep=IDENTIFIERS)
        failed = checks.failed
    else:
        checks = StrictChecks(header.implicit_vr, extra=extra)
        encoded = encode(header, check=checks.check, noted=checks.noted, note_private=bool(extra))
        failed = bool(encoded.messages)
    fault = checks.required(study)
    if fault is not None:
        refused = fault.reason
        encoded.messages.insert(0, fault.message)
    else:
        refused = FailureReason.VALIDATION_FAILED if failed else None
    return Examined(
        fragments=encoded.fragments,
        bulk=encoded.bulk,
        messages=error_comments(encoded.messages),
        refused=refused,
        warning=_warning(header, encoded),
        sop_class_uid=checks.text(SOP_CLASS_UID),
        study_instance_uid=checks.text(STUDY_INSTANCE_UID),
        series_instance_uid=checks.text(SERIES_INSTANCE_UID),
        sop_instance_uid=checks.text(SOP_INSTANCE_UID),
        multi_valued=checks.multi_valued,
    )


def _warning(header: Header, encoded: Encoded) -> WarningReason | None:
    if header.implicit_vr:
        return WarningReason.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    return WarningReason.VALIDATION_WARNINGS if encoded.messages else None
