"""Retrieve instances and metadata.

Standard: PS3.18 10.4
"""

from __future__ import annotations

from starlette.responses import Response

from dicom_core.errors import NotFoundError
from dicom_core.http.accept import FILE, FILES, MORE_FILE, MORE_FILES, negotiate
from dicom_core.http.call import Call
from dicom_core.http.conditional import ASK_AGAIN, Validators, is_current, quote, validators
from dicom_core.http.dicom_files import just, multipart_file, multipart_files, single_file, transcoded_file
from dicom_core.http.dicom_json import streamed_array
from dicom_core.http.dicom_xml import streamed_xml, wants_xml
from dicom_core.http.ranges import wanted_span
from dicom_core.http.study_headers import wants_external
from dicom_core.http.zip_files import ZIP, zip_archive
from dicom_core.identifiers import Partition
from dicom_core.retrieve.files import Delivery

__all__ = ["retrieve", "retrieve_metadata"]


async def retrieve(call: Call) -> Response:
    """Retrieve the files of a study, series or instance."""
    partition = await call.partition()
    ids = call.identifiers()
    wanted = negotiate(call.accept, FILES, MORE_FILES) if ids.instance is None else negotiate(call.accept, FILE, MORE_FILE)
    service = call.services.retrieve
    deliveries = await service.find(partition, ids, wanted.transfer_syntax, original=call.original)
    if wanted.media_type == ZIP:
        return await _zip(call, partition, deliveries)
    if len(deliveries) > 1:
        return multipart_files(deliveries, service.open_all(deliveries))
    return await _instance(call, partition, deliveries[0], multipart=wanted.multipart)


async def _instance(call: Call, partition: Partition, delivery: Delivery, *, multipart: bool) -> Response:
    """Answer with one instance, which is opened before the answer begins: it may be gone, or impossible to transcode."""

    def state(now: Delivery) -> Validators:
        return validators(now.file.version, now.transfer_syntax, multipart, weak=multipart or now.transcoded)

    def span(now: Delivery) -> tuple[int, int]:
        wanted = wanted_span(call.request, now.file.size, state(now))
        return wanted.start, wanted.length

    if state(delivery).is_known(call.request.headers):
        return state(delivery).not_modified()
    ranged = not multipart and not delivery.transcoded
    opened = await call.services.retrieve.open(partition, delivery, span if ranged else None, original=call.original)
    delivery = opened.delivery
    if multipart:
        return multipart_file(opened, state(delivery))
    if delivery.transcoded:
        return transcoded_file(opened, state(delivery))
    return single_file(opened, state(delivery), wanted_span(call.request, delivery.file.size, state(delivery)))


async def _zip(call: Call, partition: Partition, deliveries: list[Delivery]) -> Response:
    """Answer with an archive of instances; one alone is opened before the answer begins, as above."""
    service, ids = call.services.retrieve, call.identifiers()
    name = ids.instance or ids.series or ids.study
    if len(deliveries) > 1:
        opened = service.open_all(deliveries)
        return zip_archive(name, opened, opened)
    file = await service.open(partition, deliveries[0], original=call.original)
    return zip_archive(name, just(file), file)


async def retrieve_metadata(call: Call) -> Response:
    """Retrieve the metadata of all instances of a study, series or instance, unless the client has it."""
    partition = await call.partition()
    as_xml, with_uris = wants_xml(call.accept), _wants_bulk_data_uris(call)
    found = await call.services.retrieve.metadata(
        partition,
        call.identifiers(),
        bulk_data_url=call.base_url if with_uris else None,
        original=call.original,
        with_external=wants_external(call),
    )
    tag = found.tag + ("-uris" if with_uris else "") + ("-xml" if as_xml else "")
    headers = {"ETag": quote(tag), "Vary": "Accept", "Cache-Control": ASK_AGAIN}
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
