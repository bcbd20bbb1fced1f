"""Read the change feed, as the Microsoft service does: by sequence number in version 1, by time in version 2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from starlette.responses import Response

from dicom_core.change_feed.service import Entry
from dicom_core.errors import BadRequestError
from dicom_core.http.call import Call
from dicom_core.http.parameters import Parameters

__all__ = ["latest_change", "list_changes"]

_MOST_SEQUENCE: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def list_changes(call: Call) -> Response:
    """List changes in order."""
    parameters = Parameters(call.request)
    offset = parameters.integer("offset", 0, 0, _MOST_SEQUENCE)
    limit = parameters.integer("limit", 100, 1, 200) if call.lenient else parameters.integer("limit", 10, 1, 100)
    metadata = parameters.boolean("includeMetadata", default=True)
    feed = call.services.change_feed
    if call.lenient:
        start, end = parameters.moment("startTime"), parameters.moment("endTime")
        if start is not None and end is not None and end <= start:
            raise BadRequestError("endTime must be later than startTime.")
        entries = await feed.by_time(start, end, skip=offset, limit=limit, metadata=metadata)
    else:
        entries = await feed.by_sequence(offset, limit, metadata=metadata)
    return _json([_object(entry) for entry in entries])


async def latest_change(call: Call) -> Response:
    """Answer the newest change, or nothing when there is none."""
    metadata = Parameters(call.request).boolean("includeMetadata", default=True)
    entry = await call.services.change_feed.latest(metadata=metadata)
    return Response(status_code=204) if entry is None else _json(_object(entry))


def _object(entry: Entry) -> dict[str, Any]:
    event = entry.published.event
    values: dict[str, Any] = {
        "sequence": entry.published.sequence,
        "partitionName": event.partition,
        "studyInstanceUid": event.study,
        "seriesInstanceUid": event.series,
        "sopInstanceUid": event.instance,
        "action": event.action.value,
        "timestamp": (_EPOCH + timedelta(microseconds=entry.published.time)).isoformat(timespec="microseconds"),
        "state": entry.state.value,
    }
    if entry.metadata is not None:
        values["metadata"] = orjson.Fragment(entry.metadata)
    return values


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json")
