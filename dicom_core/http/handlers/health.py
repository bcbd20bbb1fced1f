"""Report health."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from starlette.responses import Response

from dicom_core.health import Dependency
from dicom_core.http.call import Call
from dicom_core.http.problems import RETRY_AFTER_SECONDS

__all__ = ["check_health", "storage_is_closed"]


async def check_health(call: Call) -> Response:
    """Report every dependency; all of them are needed."""
    return _report(await call.services.health.check())


def storage_is_closed() -> Response:
    """Report a service whose storage cannot even be opened."""
    return _report([Dependency("storage", False, "It cannot be opened.")])


def _report(dependencies: Sequence[Dependency]) -> Response:
    healthy = all(dependency.healthy for dependency in dependencies)
    details = [
        {"name": each.name, "status": _status(healthy=each.healthy), "description": each.description, "data": {}} for each in dependencies
    ]
    document = {"overallStatus": _status(healthy=healthy), "details": details}
    status, headers = (200, {}) if healthy else (503, {"Retry-After": str(RETRY_AFTER_SECONDS)})
    return Response(orjson.dumps(document), status, headers, media_type="application/json")


def _status(*, healthy: bool) -> str:
    return "Healthy" if healthy else "Unhealthy"
