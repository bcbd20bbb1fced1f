"""Retrieve instances and metadata.

Standard: PS3.18 10.4
"""

from __future__ import annotations

from starlette.responses import Response

from dicom_core.errors import NotFoundError
from dicom_core.http.accept import FILE, FILES, negotiate
from dicom_core.http.call import Call
from dicom_core.http.conditional import is_current, quote
from dicom_core.http.dicom_files import multipart_file, multipart_files, single_file
from dicom_core.http.dicom_json import streamed_array
from dicom_core.http.dicom_xml import streamed_xml, wants_xml

__all__ = ["retrieve", "retrieve_metadata"]


async def retrieve(call: Call) -> Response:
    """Retrieve the files of a study, series or instance."""
    partition = await call.partition()
    ids = call.identifiers()
    wanted = negotiate(call.accept, FILES if ids.instance is None else FILE)
    service = call.services.retrieve
    files = await service.find(partition, ids, wanted.transfer_syntax)
    if len(files) > 1:
        return multipart_files(files, service.open_all(files))
    opened = await service.open(partition, files[0])  # before the answer begins: it may be gone
    return multipart_file(opened) if wanted.multipart else await single_file(opened)


async def retrieve_metadata(call: Call) -> Response:
    """Retrieve the metadata of all instances of a study, series or instance, unless the client has it."""
    partition = await call.partition()
    as_xml, with_uris = wants_xml(call.accept), _wants_bulk_data_uris(call)
    found = await call.services.retrieve.metadata(partition, call.identifiers(), bulk_data_url=call.base_url if with_uris else None)
    tag = found.tag + ("-uris" if with_uris else "") + ("-xml" if as_xml else "")
    headers = {"ETag": quote(tag)}
    if is_current(call.header("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    response = await (streamed_xml if as_xml else streamed_array)(found.documents, headers)
    if response is None:
        raise NotFoundError("It was deleted in this moment.")
    return response


def _wants_bulk_data_uris(call: Call) -> bool:
    """Whether metadata is to have the URIs of what it leaves out: the parameter ``bulkdata=uri`` says so, or the settings."""
    asked = ((name.lower(), value.lower()) for name, value in call.request.query_params.multi_items())
    return call.services.settings.bulk_data_uris or ("bulkdata", "uri") in asked
