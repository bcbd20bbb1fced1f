"""The route table: every resource of the service, once.

From it come the Functions (one per route, and one for its form under ``partitions/{partitionName}``), the answer 405,
the data actions that callers need, the audit names, and the OpenAPI documents.

The Functions host sorts functions by name and takes the first whose template and method match, however special: where
two templates overlap, the name of the more special route must sort first (``tests/http/test_routes.py`` proves it).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from dicom_core.dicom.transfer_syntaxes import MEDIA_TYPE_DEFAULTS, OCTET_STREAM
from dicom_core.http.accept import DOCUMENTS, RENDERED, THUMBNAIL
from dicom_core.http.handlers import (
    bulk_data,
    change_feed,
    delete,
    documentation,
    frames,
    health,
    partitions,
    rendered,
    retrieve,
    search,
    store,
)
from dicom_core.http.route import Handler, Parameter, Route
from dicom_core.http.route_parameters import (
    BULK_DATA_URIS,
    CHANGES,
    CONDITIONAL,
    EXPIRY,
    EXTERNAL,
    MATCHING,
    ORIGINAL,
    PRESENTATION,
    RANGE,
    SEARCH,
    VIEWPORT,
)
from dicom_core.http.versions import VERSION_CONSTRAINT

__all__ = ["ROUTES", "Binding", "bindings"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A route as the host knows it: the function's name and its template."""

    name: str
    template: str
    route: Route


_VERSION: Final = f"{{version:{VERSION_CONSTRAINT}}}"
_PARTITION: Final = "partitions/{partitionName}"
_STUDY: Final = "studies/{study}"
_SERIES: Final = "studies/{study}/series/{series}"
_INSTANCE: Final = "studies/{study}/series/{series}/instances/{instance}"

_DICOM_JSON: Final = ("application/dicom+json",)
_DICOM_FILES: Final = ('multipart/related; type="application/dicom"',)
_DESCRIBED_FILES: Final = ('multipart/related; type="application/dicom+json"', 'multipart/related; type="application/dicom+xml"')
_DATA_SETS: Final = (*_DICOM_JSON, 'multipart/related; type="application/dicom+xml"')
_ZIP: Final = ("application/zip",)
_BULK_DATA: Final = (f'multipart/related; type="{OCTET_STREAM}"',)
_FRAME_TYPES: Final = (OCTET_STREAM, *(f'multipart/related; type="{media_type}"' for media_type in MEDIA_TYPE_DEFAULTS))


def _read(
    name: str,
    path: str,
    handler: Handler,
    summary: str,
    audit: str,
    gives: tuple[str, ...],
    *,
    statuses: tuple[int, ...] = (200,),
    parameters: tuple[Parameter, ...] = (),
) -> Route:
    """A resource of a data partition that is read."""
    return Route(
        name=name,
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        action="read",
        audit=audit,
        partitioned=True,
        gives=gives,
        statuses=statuses,
        parameters=parameters,
    )


def _store(name: str, path: str, method: str = "POST", summary: str = "Store instances") -> Route:
    return Route(
        name=name,
        method=method,
        path=path,
        handler=store.store,
        summary=summary,
        action="write",
        audit="store",
        partitioned=True,
        takes=(*_DICOM_FILES, "application/dicom", *_DESCRIBED_FILES),
        gives=(*_DICOM_JSON, "application/dicom+xml"),
        statuses=(200, 202, 204, 409),
        parameters=EXPIRY,
    )


def _retrieve(name: str, path: str, gives: tuple[str, ...] = (*_DICOM_FILES, *_ZIP)) -> Route:
    return _read(name, path, retrieve.retrieve, "Retrieve instances", "retrieve", gives, parameters=ORIGINAL)


def _metadata(name: str, path: str) -> Route:
    return _read(
        name,
        f"{path}/metadata",
        retrieve.retrieve_metadata,
        "Retrieve metadata",
        "retrieve-metadata",
        _DATA_SETS,
        statuses=(200, 304),
        parameters=(BULK_DATA_URIS, *CONDITIONAL, *EXTERNAL),
    )


def _bulk_data(name: str, path: str, handler: Handler = bulk_data.retrieve_bulk_data) -> Route:
    return _read(name, path, handler, "Retrieve bulk data", "retrieve", _BULK_DATA, parameters=ORIGINAL)


def _bulk_data_value(name: str, path: str, handler: Handler = bulk_data.retrieve_bulk_data) -> Route:
    return replace(
        _bulk_data(name, path, handler),
        summary="Retrieve a value",
        gives=_FRAME_TYPES,  # the value may be Pixel Data
        statuses=(200, 206, 304),
        parameters=(*RANGE, *ORIGINAL),
    )


def _rendered(name: str, path: str, gives: tuple[str, ...] = RENDERED) -> Route:
    return _read(
        name,
        f"{path}/rendered",
        rendered.retrieve_rendered,
        "Render a frame",
        "retrieve-rendered",
        gives,
        statuses=(200, 206, 304),
        parameters=(*PRESENTATION, *RANGE),
    )


def _rendered_parts(name: str, path: str) -> Route:
    return _read(
        name,
        f"{path}/rendered",
        rendered.retrieve_rendered_parts,
        "Render all frames",
        "retrieve-rendered",
        tuple(f'multipart/related; type="{image}"' for image in THUMBNAIL),
        parameters=PRESENTATION,
    )


def _thumbnail(name: str, path: str) -> Route:
    return _read(
        name,
        f"{path}/thumbnail",
        rendered.retrieve_thumbnail,
        "Render a thumbnail",
        "retrieve-rendered",
        THUMBNAIL,
        statuses=(200, 206, 304),
        parameters=(VIEWPORT, *RANGE),
    )


def _search(name: str, path: str) -> Route:
    return _read(
        name,
        path,
        search.search,
        f"Search for {path.rpartition('/')[2]}",
        "query",
        _DATA_SETS,
        statuses=(200, 204),
        parameters=(*SEARCH, *EXTERNAL) if path == "studies" else SEARCH,
    )


def _count(name: str, path: str) -> Route:
    return _read(
        name,
        f"{path}/count",
        search.count,
        f"Count {path.rpartition('/')[2]}",
        "query",
        ("application/json",),
        parameters=(*MATCHING, *EXTERNAL) if path == "studies" else MATCHING,
    )


def _delete(name: str, path: str) -> Route:
    return Route(
        name=name,
        method="DELETE",
        path=path,
        handler=delete.delete,
        summary="Delete instances",
        action="delete",
        audit="delete",
        partitioned=True,
        statuses=(204,),
    )


ROUTES: Final[tuple[Route, ...]] = (
    _store("store", "studies"),
    _store("store_in_study", _STUDY),
    _store("replace", "studies", "PUT", "Store or replace instances"),
    _store("replace_in_study", _STUDY, "PUT", "Store or replace instances"),
    _retrieve("retrieve_study", _STUDY),
    _retrieve("retrieve_series", _SERIES),
    _retrieve("retrieve_instance", _INSTANCE, (*_DICOM_FILES, "application/dicom", *_ZIP)),
    _bulk_data("retrieve_study_bulk_data", f"{_STUDY}/bulkdata"),
    _bulk_data("retrieve_series_bulk_data", f"{_SERIES}/bulkdata"),
    _bulk_data("retrieve_instance_bulk_data", f"{_INSTANCE}/bulkdata"),
    _bulk_data_value("retrieve_bulk_data_value", f"{_INSTANCE}/bulkdata/{{value}}"),
    _bulk_data("retrieve_study_pixel_data", f"{_STUDY}/pixeldata", bulk_data.retrieve_pixel_data),
    _bulk_data("retrieve_series_pixel_data", f"{_SERIES}/pixeldata", bulk_data.retrieve_pixel_data),
    _bulk_data_value("retrieve_instance_pixel_data", f"{_INSTANCE}/pixeldata", bulk_data.retrieve_pixel_data),
    _read(
        "retrieve_frames",
        f"{_INSTANCE}/frames/{{frames}}",
        frames.retrieve_frames,
        "Retrieve frames",
        "retrieve",
        _FRAME_TYPES,
        statuses=(200, 206, 304),
        parameters=RANGE,
    ),
    _rendered("retrieve_rendered_instance", _INSTANCE, (*RENDERED, *DOCUMENTS)),
    _rendered("retrieve_rendered_frame", f"{_INSTANCE}/frames/{{frame}}"),
    _rendered_parts("retrieve_rendered_study", _STUDY),
    _rendered_parts("retrieve_rendered_series", _SERIES),
    _thumbnail("retrieve_study_thumbnail", _STUDY),
    _thumbnail("retrieve_series_thumbnail", _SERIES),
    _thumbnail("retrieve_instance_thumbnail", _INSTANCE),
    _thumbnail("retrieve_frame_thumbnail", f"{_INSTANCE}/frames/{{frame}}"),
    _metadata("retrieve_study_metadata", _STUDY),
    _metadata("retrieve_series_metadata", _SERIES),
    _metadata("retrieve_instance_metadata", _INSTANCE),
    _search("search_studies", "studies"),
    _search("search_series", "series"),
    _search("search_instances", "instances"),
    _search("search_series_of_study", f"{_STUDY}/series"),
    _search("search_instances_of_study", f"{_STUDY}/instances"),
    _search("search_instances_of_series", f"{_SERIES}/instances"),
    _count("count_studies", "studies"),
    _count("count_series", "series"),
    _count("count_instances", "instances"),
    _count("count_series_of_study", f"{_STUDY}/series"),
    _count("count_instances_of_study", f"{_STUDY}/instances"),
    _count("count_instances_of_series", f"{_SERIES}/instances"),
    _delete("delete_study", _STUDY),
    _delete("delete_series", _SERIES),
    _delete("delete_instance", _INSTANCE),
    Route(
        name="list_changes",
        method="GET",
        path="changefeed",
        handler=change_feed.list_changes,
        summary="List changes in order",
        action="read",
        audit="change-feed",
        gives=("application/json",),
        parameters=CHANGES,
    ),
    Route(
        name="latest_change",
        method="GET",
        path="changefeed/latest",
        handler=change_feed.latest_change,
        summary="Read the newest change",
        action="read",
        audit="change-feed",
        gives=("application/json",),
        statuses=(200, 204),
        parameters=CHANGES[-1:],
    ),
    Route(
        name="list_partitions",
        method="GET",
        path="partitions",
        handler=partitions.list_partitions,
        summary="List the data partitions",
        action="read",
        audit="partition",
        gives=("application/json",),
    ),
    Route(
        name="openapi_yaml",
        method="GET",
        path=f"{_VERSION}/api.yaml",
        handler=documentation.openapi_yaml,
        summary="Describe the interface",
        versions=(),
        gives=("text/yaml",),
        statuses=(200, 304),
    ),
    Route(
        name="openapi_json",
        method="GET",
        path=f"{_VERSION}/api.json",
        handler=documentation.openapi_json,
        summary="Describe the interface",
        versions=(),
        gives=("application/json",),
        statuses=(200, 304),
    ),
    Route(
        name="docs",
        method="GET",
        path="docs",
        handler=documentation.page_file,
        summary="Show the interface",
        versions=(),
        gives=("text/html",),
        statuses=(200, 304),
    ),
    Route(
        name="docs_file",
        method="GET",
        path="docs/{file}",
        handler=documentation.page_file,
        summary="Send a file of the documentation page",
        versions=(),
        statuses=(200, 304),
    ),
    Route(
        name="health",
        method="GET",
        path="health/check",
        handler=health.check_health,
        summary="Report whether the service and its storage work",
        versions=(),
        gives=("application/json",),
        statuses=(200, 503),
        when_closed=health.storage_is_closed,
    ),
)


def bindings() -> Iterator[Binding]:
    """Every route as the Functions host is to register it: plainly, and for data partitions named in the path."""
    for route in ROUTES:
        base = f"{_VERSION}/" if route.versions else ""
        yield Binding(route.name, f"{base}{route.path}", route)
        if route.partitioned:
            yield Binding(f"{route.name}_in_partition", f"{base}{_PARTITION}/{route.path}", route)
