"""Search for studies, series and instances, or count them.

Standard: PS3.18 10.6
"""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response

from dicom_core.http.call import Call
from dicom_core.http.dicom_json import array
from dicom_core.http.dicom_xml import wants_xml, xml
from dicom_core.http.study_headers import wants_external
from dicom_core.search.query import Query, parse_query
from dicom_core.search.resources import Resource

__all__ = ["count", "search"]

_RESOURCES: Final = {resource.path: resource for resource in Resource}


async def search(call: Call) -> Response:
    """Search the resource that the path names."""
    partition = await call.partition()
    as_xml = wants_xml(call.accept)
    query = await _query(call, _RESOURCES[call.route.path])
    found = await call.services.search.search(partition, query, retrieve_url=call.base_url)
    headers = call.warnings(*found.warnings)
    if not found.documents:
        return Response(status_code=204, headers=headers)
    return await xml(found.documents, headers) if as_xml else array(found.documents, headers)


async def count(call: Call) -> Response:
    """Count what a search of the resource finds."""
    partition = await call.partition()
    query = await _query(call, _RESOURCES[call.route.path.removesuffix("/count")], paged=False)
    found = await call.services.search.count(partition, query)
    return Response(orjson.dumps({"count": found.count}), headers=call.warnings(*found.warnings), media_type="application/json")


async def _query(call: Call, resource: Resource, *, paged: bool = True) -> Query:
    with_external = resource is Resource.STUDIES and wants_external(call)
    return parse_query(
        resource,
        call.request.scope["query_string"].decode("latin-1"),
        version=2 if call.lenient else 1,
        study=call.uid("study"),
        series=call.uid("series"),
        options=call.services.search_options,
        extra=await call.services.search.external_attributes() if with_external else None,
        paged=paged,
    )
