"""Delete studies, series and instances."""

from __future__ import annotations

from starlette.responses import Response

from dicom_core.http.call import Call

__all__ = ["delete"]


async def delete(call: Call) -> Response:
    """Delete what the path names."""
    partition = await call.partition()
    await call.services.delete.delete(partition, call.identifiers())
    return Response(status_code=204)
