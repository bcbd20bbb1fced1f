"""Delete studies, series and instances."""

from __future__ import annotations

import pytest

from tests.conformance.place import Place, framed, instance_path, reasons, stored
from tests.dicom.factories import INSTANCE, SERIES, STUDY, make_instance
from tests.http.driver import Answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

STUDY_PATH, SERIES_PATH = f"studies/{STUDY}", f"studies/{STUDY}/series/{SERIES}"
LEVELS = [STUDY_PATH, SERIES_PATH, instance_path()]
IDS = ["study", "series", "instance"]


async def _fill(place: Place) -> None:
    """Two studies; the first has two series, the first of which has two instances."""
    answer = await place.store(
        make_instance(Modality="CT"),
        make_instance(instance="1.1", Modality="CT"),
        make_instance(series="1.2", instance="1.2", Modality="MR"),
        make_instance(study="1.3"),
    )
    assert len(stored(answer)) == 4


async def _instances(place: Place) -> set[str]:
    answer = await place.get("instances")
    return {item["00080018"]["Value"][0] + "@" + item["0020000D"]["Value"][0] for item in answer.json} if answer.status == 200 else set()


def _all_but(*deleted: str) -> set[str]:
    return {f"{uid}@{STUDY}" for uid in (INSTANCE, "1.1", "1.2") if uid not in deleted} | {f"{INSTANCE}@1.3"}


@pytest.mark.parametrize(
    ("path", "gone"), [(STUDY_PATH, [INSTANCE, "1.1", "1.2"]), (SERIES_PATH, [INSTANCE, "1.1"]), (instance_path(), [INSTANCE])], ids=IDS
)
async def test_delete(any_place: Place, path: str, gone: list[str]) -> None:
    await _fill(any_place)
    answer = await any_place.delete(path)
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers
    assert await _instances(any_place) == _all_but(*gone)
    for suffix in ("", "/metadata"):
        assert (await any_place.get(path + suffix)).status == 404
    again = await any_place.delete(path)
    assert (again.status, again.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert await _instances(any_place) == _all_but(*gone)


@pytest.mark.parametrize(
    "path",
    [
        "studies/9",
        f"studies/9/series/{SERIES}",
        f"{STUDY_PATH}/series/9",
        f"{SERIES_PATH}/instances/9",
        f"{STUDY_PATH}/series/1.2/instances/{INSTANCE}",
        f"studies/1.3/series/{SERIES}/instances/1.1",
        f"studies/{STUDY[:-2]}",
        "studies/01.3",
    ],
)
async def test_nothing_there(any_place: Place, path: str) -> None:
    await _fill(any_place)
    answer = await any_place.delete(path)
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    assert await _instances(any_place) == _all_but()


@pytest.mark.parametrize("uid", ["x", "1.", "1" * 65, "1-2", "1.2.x", "*", "1,2", "1%20.2"])
@pytest.mark.parametrize("position", range(3))
async def test_identifier_that_is_no_uid(any_place: Place, uid: str, position: int) -> None:
    await _fill(any_place)
    paths = [[f"studies/{uid}"], [f"studies/{uid}/series/1", f"{STUDY_PATH}/series/{uid}"]]
    paths.append([f"studies/{uid}/series/1/instances/1", f"{STUDY_PATH}/series/{uid}/instances/1", f"{SERIES_PATH}/instances/{uid}"])
    for path in paths[position]:
        answer = await any_place.delete(path)
        assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
        assert answer.text
    assert await _instances(any_place) == _all_but()


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
async def test_trailing_spaces_do_not_matter(any_place: Place, path: str) -> None:
    await _fill(any_place)
    assert (await any_place.delete(path + "%20%20")).status == 204


async def _send(place: Place, body: bytes = b"", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await place.client.send("DELETE", place.url(STUDY_PATH), body, headers=named)


@pytest.mark.parametrize("accept", ["text/html", "nonsense", "application/dicom+json", "*/*;q=0"])
async def test_accept_is_ignored(any_place: Place, accept: str) -> None:
    await _fill(any_place)
    assert (await _send(any_place, Accept=accept)).status == 204


@pytest.mark.parametrize("kind", ["text/html", "nonsense", "application/dicom"])
async def test_content_type_and_body_are_ignored(any_place: Place, kind: str) -> None:
    await _fill(any_place)
    assert (await _send(any_place, framed(make_instance()), Content_Type=kind)).status == 204


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
async def test_everything_knows_at_once(any_place: Place, path: str) -> None:
    await _fill(any_place)
    await any_place.delete(path)
    studies = {
        item["0020000D"]["Value"][0]: item
        for item in (await any_place.get("studies?includefield=NumberOfStudyRelatedInstances,ModalitiesInStudy")).json
    }
    if path == STUDY_PATH:
        assert studies.keys() == {"1.3"}
        return
    study = studies[STUDY]
    assert study["00201208"]["Value"] == [1 if path == SERIES_PATH else 2]
    assert study["00080061"]["Value"] == (["MR"] if path == SERIES_PATH else ["CT", "MR"])
    series = {item["0020000E"]["Value"][0] for item in (await any_place.get(f"{STUDY_PATH}/series")).json}
    assert series == ({"1.2"} if path == SERIES_PATH else {SERIES, "1.2"})


async def test_empty_series_and_studies_disappear(any_place: Place) -> None:
    await _fill(any_place)
    await any_place.delete(f"{STUDY_PATH}/series/1.2/instances/1.2")
    assert (await any_place.delete(f"{STUDY_PATH}/series/1.2")).status == 404
    for instance in (INSTANCE, "1.1"):
        assert (await any_place.delete(instance_path(instance=instance))).status == 204
    assert (await any_place.delete(STUDY_PATH)).status == 404
    assert [item["0020000D"]["Value"] for item in (await any_place.get("studies")).json] == [["1.3"]]


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
async def test_the_same_can_be_stored_again_at_once(any_place: Place, path: str) -> None:
    await _fill(any_place)
    assert reasons(await any_place.store(make_instance())) == [45070]
    await any_place.delete(path)
    answer = await any_place.store(make_instance(PatientID="P2"))
    assert (answer.status, len(stored(answer))) == (200, 1)
    assert (await any_place.metadata())["00100020"]["Value"] == ["P2"]


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
async def test_unknown_partition(any_place: Place, path: str) -> None:
    answer = await any_place.delete(path)
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert (await any_place.delete("studies/x")).status == 400


@pytest.mark.parametrize("path", LEVELS, ids=IDS)
async def test_other_partitions_keep_theirs(any_place: Place, path: str) -> None:
    other = Place(any_place.client, any_place.version)
    await _fill(any_place)
    await _fill(other)
    assert (await any_place.delete(path)).status == 204
    assert await _instances(other) == _all_but()


async def test_one_feed_event_for_each_instance(place: Place) -> None:
    await _fill(place)
    await place.delete(STUDY_PATH)
    entries = (await place.client.get("/v2/changefeed?limit=200&offset=0")).json
    while len(page := (await place.client.get(f"/v2/changefeed?limit=200&offset={len(entries)}")).json):
        entries += page
    own = [entry for entry in entries if entry["partitionName"] == place.name]
    assert sorted(entry["sopInstanceUid"] for entry in own if entry["action"] == "Delete") == sorted([INSTANCE, "1.1", "1.2"])
