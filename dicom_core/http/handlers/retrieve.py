"""Retrieve instances and metadata.

Standard: PS3.18 10.4
"""

from __future__ import annotations

from starlette.responses import Response

from dicom_core.errors import NotFoundError
from dicom_core.http.accept import FILE, FILES, accept_dicom_json, negotiate
from dicom_core.http.call import Call
from dicom_core.http.conditional import is_current, quote
from dicom_core.http.dicom_files import multipart_file, multipart_files, single_file
from dicom_core.http.dicom_json import streamed_array

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
    accept_dicom_json(call.accept)
    found = await call.services.retrieve.metadata(partition, call.identifiers())
    headers = {"ETag": quote(found.tag)}
    if is_current(call.header("if-none-match"), found.tag):
        return Response(status_code=304, headers=headers)
    response = await streamed_array(found.documents, headers)
    if response is None:
        raise NotFoundError("It was deleted in this moment.")
    return response
