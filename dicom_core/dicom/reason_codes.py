"""Codes that the store response gives for failed and for doubtful instances."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["FailureReason", "WarningReason"]


class FailureReason(IntEnum):
    """(0008,1197) Failure Reason. Standard: PS3.18 I.2.2; the last two as the Microsoft service defines them."""

    PROCESSING_FAILURE = 272
    VALIDATION_FAILED = 43264
    STUDY_MISMATCH = 43265
    ALREADY_STORED = 45070
    BEING_STORED = 45071


class WarningReason(IntEnum):
    """(0008,1196) Warning Reason. Standard: PS3.18 I.2.1; the second as the Microsoft service defines it."""

    DATA_SET_DOES_NOT_MATCH_SOP_CLASS = 45063
    VALIDATION_WARNINGS = 1
