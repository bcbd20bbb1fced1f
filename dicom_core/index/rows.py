"""The study, series and instance rows as values, and how they lie in table properties.

Documents are DICOM JSON objects as bytes (`dicom.document`): `document` is what search rows cover (the level's
``*_DOCUMENT`` attributes), `latest` holds further attributes of the newest instance (``*_LATEST``).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final, cast

import orjson

from dicom_core.storage.ports import Properties, Row, Value

__all__ = ["INSTANCE_SUMMARY", "InstanceRow", "Metadata", "SeriesRow", "StudyRow", "fits_in_row", "pack_metadata", "unpack_metadata"]

INSTANCE_SUMMARY: Final = ("version", "ts", "cls", "frames", "layout", "layout_blob", "blob", "size", "doc")
_PIECE: Final = 60 * 1024  # bytes of one property; Table Storage allows 64 KiB
_MAX_INLINE: Final = 256 * 1024  # compressed metadata above this goes to a blob


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study: `created` and `top` are versions (first instance, highest), `modalities` counts series by Modality.

    `last` is the highest version that the study ever had: deleting lowers `top`, but no version is used twice.
    `newest` is (series UID, instance UID) of the instance with the highest version.
    """

    study: str
    created: int
    top: int
    last: int
    instances: int
    series: int
    newest: tuple[str, str]
    modalities: dict[str, int]
    document: bytes
    latest: bytes

    def properties(self) -> Properties:
        return {
            "created": self.created,
            "top": self.top,
            "last": self.last,
            "instances": self.instances,
            "series": self.series,
            "newest": "|".join(self.newest),
            "modalities": orjson.dumps(self.modalities).decode(),
            "doc": self.document,
            "latest": self.latest,
        }

    @classmethod
    def of(cls, row: Row) -> StudyRow:
        get = row.properties
        series, _, instance = cast(str, get["newest"]).partition("|")
        return cls(
            study=row.row_key[2:],
            created=cast(int, get["created"]),
            top=cast(int, get["top"]),
            last=cast(int, get["last"]),
            instances=cast(int, get["instances"]),
            series=cast(int, get["series"]),
            newest=(series, instance),
            modalities=orjson.loads(cast(str, get["modalities"])),
            document=cast(bytes, get["doc"]),
            latest=cast(bytes, get["latest"]),
        )


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series; `modality` is its normalised Modality as counted in the study row, or empty."""

    study: str
    series: str
    created: int
    top: int
    instances: int
    newest: str
    modality: str
    document: bytes
    latest: bytes

    def properties(self) -> Properties:
        return {
            "created": self.created,
            "top": self.top,
            "instances": self.instances,
            "newest": self.newest,
            "modality": self.modality,
            "doc": self.document,
            "latest": self.latest,
        }

    @classmethod
    def of(cls, row: Row) -> SeriesRow:
        get = row.properties
        _, study, series = row.row_key.split("|")
        return cls(
            study=study,
            series=series,
            created=cast(int, get["created"]),
            top=cast(int, get["top"]),
            instances=cast(int, get["instances"]),
            newest=cast(str, get["newest"]),
            modality=cast(str, get["modality"]),
            document=cast(bytes, get["doc"]),
            latest=cast(bytes, get["latest"]),
        )


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata document of an instance: compressed bytes in the row, or the name of the blob that holds them."""

    packed: bytes = b""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """An instance: where its file lies and what retrieving it needs.

    `frames` is the number of frames that can be located, 0 without pixel data; `layout` tells where they are
    (`dicom.frames`), or `layout_blob` names the blob that does. `metadata` is None when the row was read without it.
    """

    study: str
    series: str
    instance: str
    version: int
    transfer_syntax: str
    sop_class: str
    blob: str
    size: int
    document: bytes
    metadata: Metadata | None = None
    frames: int = 0
    layout: bytes = b""
    layout_blob: str = ""

    def properties(self) -> Properties:
        values: dict[str, Value] = {
            "version": self.version,
            "ts": self.transfer_syntax,
            "cls": self.sop_class,
            "blob": self.blob,
            "size": self.size,
            "doc": self.document,
            "frames": self.frames,
            "layout": self.layout,
            "layout_blob": self.layout_blob,
        }
        if self.metadata is not None:
            values["meta_blob"] = self.metadata.blob
            packed = self.metadata.packed
            for number, start in enumerate(range(0, len(packed), _PIECE)):
                values[f"meta{number}"] = packed[start : start + _PIECE]
        return values

    @classmethod
    def of(cls, row: Row) -> InstanceRow:
        get = row.properties
        _, study, series, instance = row.row_key.split("|")
        metadata = None
        if "meta_blob" in get:
            pieces: list[bytes] = []
            while (piece := get.get(f"meta{len(pieces)}")) is not None:
                pieces.append(cast(bytes, piece))
            metadata = Metadata(pieces[0] if len(pieces) == 1 else b"".join(pieces), cast(str, get["meta_blob"]))
        return cls(
            study=study,
            series=series,
            instance=instance,
            version=cast(int, get["version"]),
            transfer_syntax=cast(str, get["ts"]),
            sop_class=cast(str, get["cls"]),
            blob=cast(str, get["blob"]),
            size=cast(int, get["size"]),
            document=cast(bytes, get["doc"]),
            metadata=metadata,
            frames=cast(int, get["frames"]),
            layout=cast(bytes, get["layout"]),
            layout_blob=cast(str, get["layout_blob"]),
        )

    @property
    def blobs(self) -> tuple[str, ...]:
        """Every blob that lives and dies with this row (the row must have been read with its metadata)."""
        names = (self.blob, self.layout_blob, self.metadata.blob if self.metadata else "")
        return tuple(name for name in names if name)


def pack_metadata(document: bytes) -> bytes:
    """Compress a metadata document for storage."""
    return zlib.compress(document, 1)


def unpack_metadata(packed: bytes) -> bytes:
    """The metadata document of `pack_metadata`."""
    return zlib.decompress(packed)


def fits_in_row(packed: bytes) -> bool:
    """Whether compressed metadata may lie in the instance row instead of a blob."""
    return len(packed) <= _MAX_INLINE
