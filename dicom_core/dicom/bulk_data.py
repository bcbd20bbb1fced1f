"""The values that metadata leaves out: a list of where they lie, kept beside the metadata, and their URIs in it.

Standard: PS3.18 F.2.2 (BulkDataURI)
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from dicom_core.dicom.document import assemble, fragments
from dicom_core.dicom.json_model import Bulk
from dicom_core.dicom.json_objects import JsonObject

__all__ = ["bulk_list", "parse_bulk_list", "with_bulk_data_uris"]


def bulk_list(bulk: Iterable[Bulk]) -> bytes:
    """Write a list of values; nothing for an empty one."""
    found = list(bulk)
    return json.dumps(found, separators=(",", ":")).encode() if found else b""


def parse_bulk_list(data: bytes) -> list[Bulk]:
    """Read what `bulk_list` has written."""
    return [Bulk(*entry) for entry in json.loads(data)] if data else []


def with_bulk_data_uris(document: bytes, bulk: Iterable[Bulk], base: str) -> bytes:
    """Give a metadata document the elements that it leaves out: a URI for those with a value.

    A URI is `base`, a slash, and the path of the value with dots instead of slashes.
    """
    members = fragments(document)
    sequences: dict[str, list[tuple[list[str], JsonObject]]] = {}
    for each in bulk:
        element: JsonObject = {"vr": each.vr}
        if each.length != 0:
            element["BulkDataURI"] = f"{base}/{each.path.replace('/', '.')}"
        first, *deeper = each.path.split("/")
        if deeper:
            sequences.setdefault(first, []).append((deeper, element))
        else:
            members[first] = _dumped(element)
    for tag, elements in sequences.items():
        if tag in members:  # validation may have dropped it
            sequence = json.loads(members[tag])
            items = [item for path, element in elements if (item := _insert(sequence, path, element)) is not None]
            _sort({id(item): item for item in items}.values())
            members[tag] = _dumped(sequence)
    return assemble(members)


def _insert(sequence: JsonObject, path: list[str], element: JsonObject) -> JsonObject | None:
    """Put an element into an item of a sequence, and return the item; `path` is item number, tag, item number and so on to a tag.

    Nothing happens where a sequence on the way has been dropped.
    """
    *way, tag = path
    item: JsonObject = sequence["Value"][int(way[0]) - 1]
    for inner, number in zip(way[1::2], way[2::2], strict=True):
        if inner not in item:
            return None
        item = item[inner]["Value"][int(number) - 1]
    item[tag] = element
    return item


def _sort(items: Iterable[JsonObject]) -> None:
    """Bring the elements of items into the order of tags."""
    for item in items:
        in_order = sorted(item.items())
        item.clear()
        item.update(in_order)


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
