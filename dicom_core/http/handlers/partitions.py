"""List data partitions."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from dicom_core.http.call import Call

__all__ = ["list_partitions"]


async def list_partitions(call: Call) -> Response:
    """List every partition with its number and the time of its creation."""
    partitions = [
        {"partitionKey": info.partition.key, "partitionName": info.partition.name, "createdDate": info.created}
        for info in await call.services.partitions.all()
    ]
    return Response(orjson.dumps(partitions), media_type="application/json")
