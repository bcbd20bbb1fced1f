"""The study, series and instance rows as values, and how they lie in table properties.

Documents are DICOM JSON objects as bytes (`dicom.document`): `document` is what search rows cover (the level's
``*_DOCUMENT`` attributes), `latest` holds further attributes of the newest instance (``*_LATEST``).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Final, cast

import orjson

from dicom_core.storage.ports import Properties, Row, Value

__all__ = [
    "INSTANCE_SUMMARY",
    "NO_ATTRIBUTES",
    "InstanceRow",
    "Metadata",
    "OriginalVersion",
    "SeriesRow",
    "StudyRow",
    "fits_in_row",
    "pack_metadata",
    "unpack_bulk_list",
    "unpack_metadata",
]

NO_ATTRIBUTES: Final = b"{}"
_FILE: Final = ("version", "ts", "blob", "size", "frames", "layout", "layout_blob")
_ORIGINAL: Final = "original_"  # begins the names of an original version's properties
INSTANCE_SUMMARY: Final = (*_FILE, "cls", "doc", *(_ORIGINAL + name for name in _FILE))
_PIECE: Final = 60 * 1024  # bytes of one property; Table Storage allows 64 KiB
_MAX_INLINE: Final = 256 * 1024  # compressed metadata above this goes to a blob


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A study: `created` and `top` are versions (first instance, highest), `modalities` counts series by Modality.

    `last` is the highest version that the study ever had: deleting lowers `top`, but no version is used twice.
    `newest` is (series UID, instance UID) of the instance with the highest version. `expires` is when the study is to be
    deleted, in microseconds since 1970, or 0. `external` is a document of attributes that came with requests, not in files.
    `doomed` is the highest version that a delete of the whole study, which takes several batches, has set out to take away.
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
    expires: int = 0
    external: bytes = NO_ATTRIBUTES
    doomed: int = 0

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
            "expires": self.expires,
            "external": self.external,
            "doomed": self.doomed,
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
            expires=cast(int, get["expires"]),
            external=cast(bytes, get["external"]),
            doomed=cast(int, get.get("doomed", 0)),
        )


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series; `modality` is its normalised Modality as counted in the study row, or empty, and `doomed` as of a study."""

    study: str
    series: str
    created: int
    top: int
    instances: int
    newest: str
    modality: str
    document: bytes
    latest: bytes
    doomed: int = 0

    def properties(self) -> Properties:
        return {
            "created": self.created,
            "top": self.top,
            "instances": self.instances,
            "newest": self.newest,
            "modality": self.modality,
            "doc": self.document,
            "latest": self.latest,
            "doomed": self.doomed,
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
            doomed=cast(int, get.get("doomed", 0)),
        )


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata document of an instance and the list of what it leaves out: compressed bytes in the row, or the name of
    the blob that holds them.
    """

    packed: bytes = b""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class OriginalVersion:
    """An instance as it was before its first update, all of it as in `InstanceRow`."""

    version: int
    transfer_syntax: str
    blob: str
    size: int
    frames: int = 0
    layout: bytes = b""
    layout_blob: str = ""
    metadata: Metadata | None = None

    def properties(self) -> Properties:
        return {_ORIGINAL + name: value for name, value in {**_file_properties(self), **_metadata_properties(self.metadata)}.items()}

    @classmethod
    def of(cls, get: Properties) -> OriginalVersion | None:
        """Read it from the properties of an instance row; None when the instance was never updated."""
        if f"{_ORIGINAL}version" not in get:
            return None
        own = {name.removeprefix(_ORIGINAL): value for name, value in get.items() if name.startswith(_ORIGINAL)}
        return cls(
            version=cast(int, own["version"]),
            transfer_syntax=cast(str, own["ts"]),
            blob=cast(str, own["blob"]),
            size=cast(int, own["size"]),
            frames=cast(int, own["frames"]),
            layout=cast(bytes, own["layout"]),
            layout_blob=cast(str, own["layout_blob"]),
            metadata=_metadata_of(own),
        )

    @property
    def blobs(self) -> tuple[str, ...]:
        """Every blob that lives and dies with this version."""
        return _names(self.blob, self.layout_blob, self.metadata.blob if self.metadata else "")


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """An instance: where its file lies and what retrieving it needs.

    `frames` is the number of frames that can be located, 0 without pixel data; `layout` tells where they are
    (`dicom.frames`), or `layout_blob` names the blob that does. `metadata` is None when the row was read without it.
    `original` is set by the first update. Both versions have the same pixel data, and may share blobs.
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
    original: OriginalVersion | None = None

    def properties(self) -> Properties:
        return {
            **_file_properties(self),
            **_metadata_properties(self.metadata),
            "cls": self.sop_class,
            "doc": self.document,
            **(self.original.properties() if self.original is not None else {}),
        }

    @classmethod
    def of(cls, row: Row) -> InstanceRow:
        get = row.properties
        _, study, series, instance = row.row_key.split("|")
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
            metadata=_metadata_of(get),
            frames=cast(int, get["frames"]),
            layout=cast(bytes, get["layout"]),
            layout_blob=cast(str, get["layout_blob"]),
            original=OriginalVersion.of(get),
        )

    @property
    def first_version(self) -> InstanceRow:
        """The row as it would be had the instance never been updated, except for `document`."""
        first = self.original
        if first is None:
            return self
        return replace(
            self,
            version=first.version,
            transfer_syntax=first.transfer_syntax,
            blob=first.blob,
            size=first.size,
            frames=first.frames,
            layout=first.layout,
            layout_blob=first.layout_blob,
            metadata=first.metadata,
            original=None,
        )

    @property
    def blobs(self) -> tuple[str, ...]:
        """Every blob that lives and dies with this row (the row must have been read with its metadata)."""
        own = _names(self.blob, self.layout_blob, self.metadata.blob if self.metadata else "")
        return own if self.original is None else tuple(dict.fromkeys((*own, *self.original.blobs)))


def _file_properties(version: InstanceRow | OriginalVersion) -> dict[str, Value]:
    return {
        "version": version.version,
        "ts": version.transfer_syntax,
        "blob": version.blob,
        "size": version.size,
        "frames": version.frames,
        "layout": version.layout,
        "layout_blob": version.layout_blob,
    }


def _metadata_properties(metadata: Metadata | None) -> dict[str, Value]:
    if metadata is None:
        return {}
    pieces = range(0, len(metadata.packed), _PIECE)
    return {"meta_blob": metadata.blob, **{f"meta{number}": metadata.packed[at : at + _PIECE] for number, at in enumerate(pieces)}}


def _metadata_of(get: Properties) -> Metadata | None:
    if "meta_blob" not in get:
        return None
    pieces: list[bytes] = []
    while (piece := get.get(f"meta{len(pieces)}")) is not None:
        pieces.append(cast(bytes, piece))
    return Metadata(pieces[0] if len(pieces) == 1 else b"".join(pieces), cast(str, get["meta_blob"]))


def _names(*names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name)


def pack_metadata(document: bytes, bulk: bytes = b"") -> bytes:
    """Compress a metadata document for storage, and behind it, on its own, the list of the values that it leaves out."""
    packed = zlib.compress(document, 1)
    return packed + zlib.compress(bulk, 1) if bulk else packed


def unpack_metadata(packed: bytes) -> bytes:
    """The metadata document of `pack_metadata`."""
    return zlib.decompress(packed)  # stops at the end of the document


def unpack_bulk_list(packed: bytes) -> bytes:
    """The list of values of `pack_metadata`; empty when there is none."""
    document = zlib.decompressobj()
    document.decompress(packed)
    return zlib.decompress(document.unused_data) if document.unused_data else b""


def fits_in_row(packed: bytes) -> bool:
    """Whether compressed metadata may lie in the instance row instead of a blob."""
    return len(packed) <= _MAX_INLINE
