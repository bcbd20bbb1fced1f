"""Store instances.

Standard: PS3.18 10.5
"""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from starlette.responses import Response

from dicom_core.errors import NotFoundError
from dicom_core.http.call import Call
from dicom_core.http.dicom_json import DICOM_JSON
from dicom_core.http.dicom_xml import DICOM_XML, wants_xml, xml_document
from dicom_core.http.store_response import store_document, store_status, store_warnings
from dicom_core.http.study_headers import store_terms
from dicom_core.http.uploads import check_body_type, uploaded_files

__all__ = ["store"]

_BULK_UPDATE: Final = "$bulkupdate"  # never a study, but an operation of the Microsoft service that this one lacks


async def store(call: Call) -> Response:
    """Store the files of the body; which part of the request is refused first matters to clients."""
    if call.request.path_params.get("study", "").lower() == _BULK_UPDATE:
        raise NotFoundError("")
    content_type = check_body_type(call.request.headers)
    partition = await call.partition(create=True)
    as_xml = wants_xml(call.accept, multipart=False)
    study = call.uid("study")
    limit = call.services.settings.max_file_bytes
    async with aclosing(uploaded_files(call.request.stream(), content_type, limit)) as files:
        terms = store_terms(call, replaces=call.route.method == "PUT")
        report = await call.services.store.store(partition, files, study=study, lenient=call.lenient, terms=terms)
    status = store_status(report, lenient=call.lenient)
    if status == 204:
        return Response(status_code=status)
    document = store_document(report, call.base_url, study=study, lenient=call.lenient)
    headers = call.warnings(*store_warnings(report))
    return Response(await xml_document(document), status, headers, DICOM_XML) if as_xml else Response(document, status, headers, DICOM_JSON)
