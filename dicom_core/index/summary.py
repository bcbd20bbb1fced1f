"""What study, series and instance rows keep of an instance's metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from dicom_core.dicom.comparison import comparable
from dicom_core.dicom.document import assemble, first_text, fragments
from dicom_core.index.attributes import (
    INSTANCE_DOCUMENT,
    MODALITY,
    SEARCHABLE,
    SERIES_DOCUMENT,
    SERIES_LATEST,
    STUDY_DOCUMENT,
    STUDY_LATEST,
)

__all__ = ["CUT", "Summary", "inherit", "merge", "modality_of"]

_KEPT: Final = frozenset(attribute.tag for attribute in SEARCHABLE.values() if attribute.indexed)  # latest non-empty value wins
_MAX_ATTRIBUTE: Final = 8 * 1024  # bytes of one attribute; longer ones are read from the instance
_MAX_DOCUMENT: Final = 24 * 1024  # bytes that one instance adds to a document: dozens of search rows repeat it in one batch
_MAX_LATEST: Final = 56 * 1024  # bytes of what only one row holds
CUT: Final = b'{"vr":"UN"}'  # stands for an attribute that was too long; UN never occurs in metadata


@dataclass(frozen=True, slots=True)
class Summary:
    """The parts of a metadata document that rows carry: fragments by tag for study and series, documents else."""

    study: dict[str, bytes]
    study_latest: bytes
    series: dict[str, bytes]
    series_latest: bytes
    instance: bytes

    @classmethod
    def of(cls, metadata: Mapping[str, bytes]) -> Summary:
        """Summarise a metadata document's fragments."""
        return cls(
            study=_pick(metadata, STUDY_DOCUMENT),
            study_latest=assemble(_pick(metadata, STUDY_LATEST, _MAX_LATEST)),
            series=_pick(metadata, SERIES_DOCUMENT),
            series_latest=assemble(_pick(metadata, SERIES_LATEST, _MAX_LATEST)),
            instance=assemble(_pick(metadata, INSTANCE_DOCUMENT)),
        )


def merge(old: bytes, new: Mapping[str, bytes]) -> bytes:
    """The document of a study or series after an instance with the fragments `new`.

    Values are those of the newest instance; but an indexed attribute that it lacks, leaves empty or gives a value that nothing
    could find, such as a day that no month has, keeps its value.
    """
    merged = dict(new)
    if old:
        for tag, fragment in fragments(old).items():
            if tag in _KEPT and not _overwrites(tag, fragment, merged.get(tag)):
                merged[tag] = fragment
    return assemble(merged)


def _overwrites(tag: str, old: bytes, new: bytes | None) -> bool:
    text = None if new == old else first_text(new)
    return text is not None and comparable(SEARCHABLE[tag].vr, text) != ""


def inherit(old: bytes, heir: Mapping[str, bytes]) -> bytes:
    """The document of a study or series whose newest instance was deleted and the instance of `heir` is now.

    Indexed attributes stay: deleting an instance does not bring earlier values back.
    """
    kept = {tag: fragment for tag, fragment in fragments(old).items() if tag in _KEPT}
    return assemble({tag: fragment for tag, fragment in heir.items() if tag not in _KEPT} | kept)


def modality_of(series: Mapping[str, bytes]) -> str:
    """The Modality of a series as it is counted in its study, or empty."""
    return (first_text(series[MODALITY]) or "").strip() if MODALITY in series else ""


def _pick(metadata: Mapping[str, bytes], tags: frozenset[str], most: int = _MAX_DOCUMENT) -> dict[str, bytes]:
    """The wanted attributes, without the longest ones when they come to more than `most` bytes."""
    picked = {tag: fragment if len(fragment) <= _MAX_ATTRIBUTE else CUT for tag, fragment in metadata.items() if tag in tags}
    size = sum(map(len, picked.values()))
    while size > most:
        longest = max(picked, key=lambda tag: len(picked[tag]))
        size += len(CUT) - len(picked[longest])
        picked[longest] = CUT
    return picked
