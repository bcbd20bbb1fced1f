"""Report health."""

from __future__ import annotations

import orjson
from starlette.responses import Response

from dicom_core.http.call import Call

__all__ = ["check_health"]


async def check_health(call: Call) -> Response:
    """Report every dependency; all of them are needed."""
    dependencies = await call.services.health.check()
    healthy = all(dependency.healthy for dependency in dependencies)
    details = [
        {"name": each.name, "status": _status(healthy=each.healthy), "description": each.description, "data": {}} for each in dependencies
    ]
    document = {"overallStatus": _status(healthy=healthy), "details": details}
    return Response(orjson.dumps(document), 200 if healthy else 503, media_type="application/json")


def _status(*, healthy: bool) -> str:
    return "Healthy" if healthy else "Unhealthy"
