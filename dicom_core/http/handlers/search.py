"""Search for studies, series and instances.

Standard: PS3.18 10.6
"""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from dicom_core.http.call import Call
from dicom_core.http.dicom_json import array
from dicom_core.http.dicom_xml import wants_xml, xml
from dicom_core.http.study_headers import wants_external
from dicom_core.search.query import parse_query
from dicom_core.search.resources import Resource

__all__ = ["search"]

_RESOURCES: Final = {resource.path: resource for resource in Resource}


async def search(call: Call) -> Response:
    """Search the resource that the path names."""
    partition = await call.partition()
    as_xml = wants_xml(call.accept)
    resource = _RESOURCES[call.route.path]
    with_external = resource is Resource.STUDIES and wants_external(call)
    query = parse_query(
        resource,
        call.request.scope["query_string"].decode("latin-1"),
        version=2 if call.lenient else 1,
        study=call.uid("study"),
        series=call.uid("series"),
        extra=await call.services.search.external_attributes() if with_external else None,
    )
    found = await call.services.search.search(partition, query, retrieve_url=call.base_url)
    headers = call.warnings(*found.warnings)
    if not found.documents:
        return Response(status_code=204, headers=headers)
    return await xml(found.documents, headers) if as_xml else array(found.documents, headers)
