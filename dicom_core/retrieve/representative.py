"""The instance that stands for a study or series in a list of pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import orjson

from dicom_core.dicom.codecs import can_decode
from dicom_core.errors import NotAcceptableError, NotFoundError
from dicom_core.identifiers import Identifiers, Partition
from dicom_core.index.index import Index
from dicom_core.index.rows import INSTANCE_SUMMARY, InstanceRow
from dicom_core.retrieve.lookup import instance_pages, not_found

__all__ = ["representative"]

_MOST: Final = 1000  # instances that are looked at
_INSTANCE_NUMBER: Final = "00200013"


async def representative(index: Index, partition: Partition, ids: Identifiers) -> InstanceRow:
    """Choose the middle one, by Instance Number, of the instances with pictures in the first series that has any.

    Raises:
        NotFoundError: there is no instance, or none with pixel data.
        NotAcceptableError: none can be decoded.
    """
    found, with_pixels = False, False
    series: list[InstanceRow] = []
    async for page in instance_pages(index, partition, ids, INSTANCE_SUMMARY, limit=_MOST):
        for row in map(InstanceRow.of, page):
            found, with_pixels = True, with_pixels or row.frames > 0
            if row.frames and can_decode(row.transfer_syntax) and (not series or series[0].series == row.series):
                series.append(row)
    if series:
        return _middle(series)
    if with_pixels:
        raise NotAcceptableError("The pixel data cannot be decoded.")
    raise NotFoundError("There is no pixel data.") if found else not_found(ids)


def _middle(rows: Iterable[InstanceRow]) -> InstanceRow:
    ordered = sorted(rows, key=lambda row: (_number(row.document), row.instance))
    return ordered[len(ordered) // 2]


def _number(document: bytes) -> float:
    value = orjson.loads(document).get(_INSTANCE_NUMBER, {}).get("Value", [None])[0]
    return value if isinstance(value, int | float) else float("inf")
