"""The route table: every resource of the service, once.

From it come the Functions (one per route, and one for its form under ``partitions/{partitionName}``), the answer 405,
the data actions that callers need, the audit names, and the OpenAPI documents.

The Functions host sorts functions by name and takes the first whose template and method match, however special: where
two templates overlap, the name of the more special route must sort first (``tests/http/test_routes.py`` proves it).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from dicom_core.dicom.transfer_syntaxes import MEDIA_TYPE_DEFAULTS, OCTET_STREAM
from dicom_core.http.accept import DOCUMENTS, RENDERED, THUMBNAIL
from dicom_core.http.call import Call
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
from dicom_core.http.roles import DataAction
from dicom_core.http.versions import EVERY_VERSION, VERSION_CONSTRAINT, ApiVersion

__all__ = ["ROUTES", "Binding", "Handler", "Parameter", "Route", "bindings"]

Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or header for the OpenAPI document; `kind` is a JSON schema type, bounds are inclusive."""

    name: str
    kind: str
    description: str
    where: str = "query"
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One resource and method.

    `path` follows the version and partition segments. `action` is what the caller's roles must allow and `audit` the
    name in audit records; None stands for an open, unaudited route. `takes` and `gives` are media types of request and
    response, `statuses` the answers worth documenting. Every GET route also answers HEAD.
    """

    name: str
    method: str
    path: str
    handler: Handler
    summary: str
    action: DataAction | None = None
    audit: str | None = None
    partitioned: bool = False
    versions: tuple[ApiVersion, ...] = EVERY_VERSION  # empty: the path has no version segment
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    parameters: tuple[Parameter, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        return (self.method, "HEAD") if self.method == "GET" else (self.method,)


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
_ORIGINAL: Final = (Parameter("msdicom-request-original", "boolean", "Ask for the version before the first bulk update.", "header"),)
_IF_NONE_MATCH: Final = Parameter("If-None-Match", "string", "Answer 304 when the ETag still is one of these.", "header")
_CONDITIONAL: Final = (_IF_NONE_MATCH, *_ORIGINAL)
_BULK_DATA_URIS: Final = Parameter("bulkdata", "string", "`uri` adds the elements that metadata leaves out, with their URIs.")
_EXTERNAL: Final = (Parameter("msdicom-request-meta", "boolean", "Version 2: include external metadata of studies.", "header"),)
_EXPIRY: Final = (
    Parameter("msdicom-expiry-time-milliseconds", "integer", "Version 2: time after which the study is deleted.", "header", minimum=1),
    Parameter("msdicom-expiry-option", "string", "Version 2: `RelativeToNow`, which it is anyway.", "header"),
    Parameter("msdicom-expiry-level", "string", "Version 2: `Study`, which it is anyway.", "header"),
)
_CHANGES: Final = (
    Parameter(
        "offset",
        "integer",
        "Number of changes to skip; before version 2, the sequence number to go on after.",
        minimum=0,
        maximum=2**63 - 1,
    ),
    Parameter("limit", "integer", "Number of changes; 100 if absent, before version 2: 10, and 100 at most.", minimum=1, maximum=200),
    Parameter("startTime", "string", "Version 2: time from which on changes are wanted, with a time zone."),
    Parameter("endTime", "string", "Version 2: time before which changes are wanted, with a time zone."),
    Parameter("includeMetadata", "boolean", "Whether to add the metadata of the instances; true if absent."),
)
_STATE: Final = (_IF_NONE_MATCH, Parameter("If-Modified-Since", "string", "Answer 304 when there is nothing newer.", "header"))
_RANGE: Final = (Parameter("Range", "string", "Bytes that are wanted of a single part.", "header"), *_STATE)
_FRAME_TYPES: Final = (OCTET_STREAM, *(f'multipart/related; type="{media_type}"' for media_type in MEDIA_TYPE_DEFAULTS))
_VIEWPORT: Final = Parameter("viewport", "string", "Columns and rows to fit in, then the region shown: vw,vh[,sx,sy,sw,sh].")
_PRESENTATION: Final = (
    Parameter("quality", "integer", "Quality of JPEG; 100 if absent.", minimum=1, maximum=100),
    _VIEWPORT,
    Parameter("window", "string", "Values shown: center,width,function, the function being linear, linear-exact or sigmoid."),
    Parameter("iccprofile", "string", "Colour space: no, yes, srgb, adobergb, rommrgb or displayp3."),
    Parameter("annotation", "string", "Text wanted in the image: patient, technique or both. It is not drawn; a warning says so."),
)
_FUZZY: Final = Parameter("fuzzymatching", "boolean", "Match person names word by word, by prefix.")
_SEARCH: Final = (
    Parameter("limit", "integer", "Number of results; 100 if absent.", minimum=1, maximum=200),
    Parameter("offset", "integer", "Number of results to skip.", minimum=0, maximum=2**63 - 1),
    _FUZZY,
    Parameter("includefield", "string", "Attributes to return besides the usual ones, separated by commas, or `all`."),
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
        parameters=_EXPIRY,
    )


def _retrieve(name: str, path: str, gives: tuple[str, ...] = (*_DICOM_FILES, *_ZIP)) -> Route:
    return Route(
        name=name,
        method="GET",
        path=path,
        handler=retrieve.retrieve,
        summary="Retrieve instances",
        action="read",
        audit="retrieve",
        partitioned=True,
        gives=gives,
        parameters=_ORIGINAL,
    )


def _metadata(name: str, path: str) -> Route:
    return Route(
        name=name,
        method="GET",
        path=f"{path}/metadata",
        handler=retrieve.retrieve_metadata,
        summary="Retrieve metadata",
        action="read",
        audit="retrieve-metadata",
        partitioned=True,
        gives=_DATA_SETS,
        statuses=(200, 304),
        parameters=(_BULK_DATA_URIS, *_CONDITIONAL, *_EXTERNAL),
    )


def _bulk_data(name: str, path: str, handler: Handler = bulk_data.retrieve_bulk_data) -> Route:
    return Route(
        name=name,
        method="GET",
        path=path,
        handler=handler,
        summary="Retrieve bulk data",
        action="read",
        audit="retrieve",
        partitioned=True,
        gives=_BULK_DATA,
        parameters=_ORIGINAL,
    )


def _bulk_data_value(name: str, path: str, handler: Handler = bulk_data.retrieve_bulk_data) -> Route:
    return replace(
        _bulk_data(name, path, handler),
        summary="Retrieve a value",
        gives=(OCTET_STREAM, *_BULK_DATA),
        statuses=(200, 206, 304),
        parameters=(*_RANGE, *_ORIGINAL),
    )


def _rendered(name: str, path: str, gives: tuple[str, ...] = RENDERED) -> Route:
    return Route(
        name=name,
        method="GET",
        path=f"{path}/rendered",
        handler=rendered.retrieve_rendered,
        summary="Render a frame",
        action="read",
        audit="retrieve-rendered",
        partitioned=True,
        gives=gives,
        statuses=(200, 206, 304),
        parameters=(*_PRESENTATION, *_RANGE),
    )


def _rendered_parts(name: str, path: str) -> Route:
    return Route(
        name=name,
        method="GET",
        path=f"{path}/rendered",
        handler=rendered.retrieve_rendered_parts,
        summary="Render all frames",
        action="read",
        audit="retrieve-rendered",
        partitioned=True,
        gives=tuple(f'multipart/related; type="{image}"' for image in THUMBNAIL),
        parameters=_PRESENTATION,
    )


def _thumbnail(name: str, path: str) -> Route:
    return Route(
        name=name,
        method="GET",
        path=f"{path}/thumbnail",
        handler=rendered.retrieve_thumbnail,
        summary="Render a thumbnail",
        action="read",
        audit="retrieve-rendered",
        partitioned=True,
        gives=THUMBNAIL,
        statuses=(200, 206, 304),
        parameters=(_VIEWPORT, *_RANGE),
    )


def _search(name: str, path: str) -> Route:
    return Route(
        name=name,
        method="GET",
        path=path,
        handler=search.search,
        summary=f"Search for {path.rpartition('/')[2]}",
        action="read",
        audit="query",
        partitioned=True,
        gives=_DATA_SETS,
        statuses=(200, 204),
        parameters=(*_SEARCH, *_EXTERNAL) if path == "studies" else _SEARCH,
    )


def _count(name: str, path: str) -> Route:
    return Route(
        name=name,
        method="GET",
        path=f"{path}/count",
        handler=search.count,
        summary=f"Count {path.rpartition('/')[2]}",
        action="read",
        audit="query",
        partitioned=True,
        gives=("application/json",),
        parameters=(_FUZZY, *_EXTERNAL) if path == "studies" else (_FUZZY,),
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
    Route(
        name="retrieve_frames",
        method="GET",
        path=f"{_INSTANCE}/frames/{{frames}}",
        handler=frames.retrieve_frames,
        summary="Retrieve frames",
        action="read",
        audit="retrieve",
        partitioned=True,
        gives=_FRAME_TYPES,
        statuses=(200, 206, 304),
        parameters=_RANGE,
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
        parameters=_CHANGES,
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
        parameters=_CHANGES[-1:],
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
    ),
)


def bindings() -> Iterator[Binding]:
    """Every route as the Functions host is to register it: plainly, and for data partitions named in the path."""
    for route in ROUTES:
        base = f"{_VERSION}/" if route.versions else ""
        yield Binding(route.name, f"{base}{route.path}", route)
        if route.partitioned:
            yield Binding(f"{route.name}_in_partition", f"{base}{_PARTITION}/{route.path}", route)
