"""ETags of metadata, and 304."""

from __future__ import annotations

import re

import pytest

from tests.conformance.place import Place, instance_path
from tests.dicom.factories import INSTANCE, SERIES, STUDY, make_instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDY_PATH, SERIES_PATH = f"studies/{STUDY}", f"studies/{STUDY}/series/{SERIES}"
LEVELS = [STUDY_PATH, SERIES_PATH, instance_path()]
IDS = ["study", "series", "instance"]


async def _tag(place: Place, path: str) -> str:
    return (await place.get(f"{path}/metadata")).headers["etag"]


async def _tags(place: Place) -> list[str]:
    return [await _tag(place, path) for path in LEVELS]


async def test_form(any_place: Place) -> None:
    await any_place.store(make_instance(), make_instance(instance="1.1"), make_instance(instance="1.2", series="1.3"))
    study, series, instance = await _tags(any_place)
    assert re.fullmatch(r'"\d+"', instance)
    assert re.fullmatch(r'"\d+-2"', series)
    assert re.fullmatch(r'"\d+-3"', study)
    watermarks = [
        int((await _tag(any_place, instance_path(series=s, instance=i))).strip('"')) for s, i in ((SERIES, "1.1"), ("1.3", "1.2"))
    ]
    assert study == f'"{max(watermarks)}-3"'
    assert series == f'"{watermarks[0]}-2"'
    assert int(instance.strip('"')) < watermarks[0] < watermarks[1]


KNOWN = ["{0}", "{1}", "W/{0}", "{0}, {0}", '"x", {0}', '{0}, "x"', '"x",W/{0},"y"', "*", " {0} ", "x, {1}"]
UNKNOWN = ['"0"', "0", '"x"', "W/x", '""', "", "{0}x", "x{1}", '"{1}-1"']


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
@pytest.mark.parametrize("form", KNOWN)
async def test_current(any_place: Place, path: str, form: str) -> None:
    await any_place.store(make_instance())
    tag = await _tag(any_place, path)
    answer = await any_place.get(f"{path}/metadata", if_none_match=form.format(tag, tag.strip('"')))
    assert (answer.status, answer.body, answer.headers["etag"], answer.headers["cache-control"]) == (304, b"", tag, "private, no-cache")
    assert "content-type" not in answer.headers


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
@pytest.mark.parametrize("form", UNKNOWN)
async def test_outdated(any_place: Place, path: str, form: str) -> None:
    await any_place.store(make_instance())
    tag = await _tag(any_place, path)
    answer = await any_place.get(f"{path}/metadata", if_none_match=form.format(tag, tag.strip('"')))
    assert (answer.status, answer.headers["etag"], len(answer.json)) == (200, tag, 1)


async def test_adding_an_instance(any_place: Place) -> None:
    await any_place.store(make_instance())
    before = await _tags(any_place)
    await any_place.store(make_instance(instance="1.1"))
    after = await _tags(any_place)
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]
    await any_place.store(make_instance(series="1.2", instance="1.2"))
    last = await _tags(any_place)
    assert [old == new for old, new in zip(after, last, strict=True)] == [False, True, True]


async def test_deleting_an_instance(any_place: Place) -> None:
    await any_place.store(make_instance(), make_instance(instance="1.1"), make_instance(series="1.2", instance="1.2"))
    before = await _tags(any_place)
    await any_place.delete(instance_path(instance="1.1"))
    after = await _tags(any_place)
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]
    await any_place.delete(f"{STUDY_PATH}/series/1.2")
    last = await _tags(any_place)
    assert [old == new for old, new in zip(after, last, strict=True)] == [False, True, True]


async def test_storing_again_gets_a_new_watermark(any_place: Place) -> None:
    await any_place.store(make_instance())
    before = await _tags(any_place)
    await any_place.delete(instance_path())
    await any_place.store(make_instance())
    after = await _tags(any_place)
    assert all(int(old.strip('"').split("-")[0]) < int(new.strip('"').split("-")[0]) for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("header", ["*", '"1"', '"1-1"'])
async def test_unknown_resource_is_404_regardless(any_place: Place, header: str) -> None:
    await any_place.store(make_instance())
    for path in ("studies/9", f"{STUDY_PATH}/series/9", f"{SERIES_PATH}/instances/9"):
        assert (await any_place.get(f"{path}/metadata", if_none_match=header)).status == 404


async def test_refused_store_changes_nothing(any_place: Place) -> None:
    await any_place.store(make_instance())
    before = await _tags(any_place)
    await any_place.store(make_instance())
    await any_place.store(make_instance(instance="1.1", without=["PatientID"]))
    assert await _tags(any_place) == before


async def test_accept_comes_before_the_tag(any_place: Place) -> None:
    await any_place.store(make_instance())
    for path in LEVELS:
        tag = await _tag(any_place, path)
        assert (await any_place.get(f"{path}/metadata", "text/html", if_none_match=tag)).status == 406


async def test_head(any_place: Place) -> None:
    await any_place.store(make_instance())
    for path in LEVELS:
        tag = await _tag(any_place, path)
        url = any_place.url(f"{path}/metadata")
        assert (await any_place.client.send("HEAD", url)).headers["etag"] == tag
        assert (await any_place.client.send("HEAD", url, headers={"If-None-Match": tag})).status == 304


async def test_instances_with_the_same_identifiers_elsewhere_do_not_matter(place: Place) -> None:
    other = Place(place.client)
    await place.store(make_instance())
    before = await _tags(place)
    await other.store(make_instance(), make_instance(instance=f"{INSTANCE}.1"))
    assert await _tags(place) == before
    assert await _tags(other) != before
