"""What searches over HTTP find and show."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pydicom.datadict import tag_for_keyword

from tests.conformance.place import Place, stored
from tests.dicom.factories import make_instance

__all__ = ["RESOURCES", "add", "found", "query", "shown", "tag", "value"]

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"

# path -> tag of the UID of its results
RESOURCES = {
    "studies": STUDY,
    "series": SERIES,
    "instances": INSTANCE,
    "studies/1.1/series": SERIES,
    "studies/1.1/instances": INSTANCE,
    "studies/1.1/series/1.1.1/instances": INSTANCE,
}


def tag(keyword: str) -> str:
    number = tag_for_keyword(keyword)
    assert number is not None
    return f"{number:08X}"


def query(**parameters: str) -> str:
    """A query string; two underscores in names stand for a dot."""
    return "&".join(f"{name.replace('__', '.')}={quote(value, safe='')}" for name, value in parameters.items())


async def add(place: Place, *uids: str, **attributes: Any) -> None:
    """Store an instance for each UID; 1.1.2.3 is instance 3 of series 1.1.2 of study 1.1."""
    files = [
        make_instance(study=uid.rsplit(".", 2)[0], series=uid.rsplit(".", 1)[0], instance=uid, **attributes) for uid in uids or ("1.1.1.1",)
    ]
    assert len(stored(await place.store(*files))) == len(files)


async def found(place: Place, path: str, raw: str = "") -> list[str]:
    """The UIDs of the results, in their order."""
    return [item[RESOURCES.get(path, STUDY)]["Value"][0] for item in await shown(place, path, raw)]


async def shown(place: Place, path: str = "studies", raw: str = "") -> list[dict[str, Any]]:
    """The results, or none with 204."""
    answer = await place.get(f"{path}?{raw}" if raw else path)
    assert answer.status in (200, 204), answer.text
    if answer.status == 204:
        assert answer.body == b""
        return []
    assert answer.headers["content-type"] == "application/dicom+json"
    results: list[dict[str, Any]] = answer.json
    assert results, "no results are 204"
    return results


def value(result: dict[str, Any], keyword: str) -> Any:
    """The values of an attribute, or None when it is absent."""
    element = result.get(tag(keyword))
    return None if element is None else element.get("Value")
