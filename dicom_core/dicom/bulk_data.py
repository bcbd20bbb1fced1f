"""The values that metadata leaves out: a list of where they lie, kept beside the metadata, and their URIs in it.

Standard: PS3.18 F.2.2 (BulkDataURI)
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from dicom_core.dicom.document import assemble, fragments
from dicom_core.dicom.json_model import Bulk

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
    sequences: dict[str, list[tuple[list[str], dict[str, str]]]] = {}
    for each in bulk:
        element = {"vr": each.vr}
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
            for path, element in elements:
                _insert(sequence, path, element)
            members[tag] = _dumped(sequence)
    return assemble(members)


def _insert(sequence: dict[str, list[dict[str, object]]], path: list[str], element: dict[str, str]) -> None:
    """Put an element into a sequence, in the order of tags; `path` is item number, tag, item number, tag and so on."""
    while True:
        number, tag, *path = path
        item = sequence["Value"][int(number) - 1]
        if not path:
            break
        if tag not in item:
            return
        sequence = item[tag]  # type: ignore[assignment]  # sequences all the way down
    item[tag] = element
    in_order = {tag: item[tag] for tag in sorted(item)}
    item.clear()
    item.update(in_order)


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
