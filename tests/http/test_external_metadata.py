"""External metadata over HTTP: stored with headers, shown and searched for on request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dicom.factories import INSTANCE, SERIES, STUDY, data_element, make_instance
from tests.http.driver import Answer, Client

ASKED = {"msdicom-request-meta": "true"}
TEXT, CREATOR = "001910FF", {"vr": "LO", "Value": ["Microsoft"]}
STUDY_PATH = f"/v2/studies/{STUDY}"
INSTANCE_PATH = f"{STUDY_PATH}/series/{SERIES}/instances/{INSTANCE}"


async def store(client: Client, file: bytes | None = None, path: str = "/v2/studies", method: str = "POST", **attributes: str) -> Answer:
    """Store a file; attributes are headers without their beginning, such as `LO_001910FF`."""
    headers = {f"msdicom-meta-{name.replace('_', '-')}": value for name, value in attributes.items()}
    body = make_instance() if file is None else file
    return await client.send(method, path, body, headers={"Content-Type": "application/dicom", **headers})


async def metadata(client: Client, path: str = STUDY_PATH, headers: dict[str, str] = ASKED) -> dict[str, Any]:
    answer = await client.send("GET", f"{path}/metadata", headers=headers)
    assert answer.status == 200
    found: dict[str, Any] = answer.json[0]
    assert list(found) == sorted(found)
    return found


async def search(client: Client, query: str, headers: dict[str, str] = ASKED) -> Answer:
    return await client.send("GET", f"/v2/studies?{query}", headers=headers)


@pytest.mark.parametrize("path", [STUDY_PATH, f"{STUDY_PATH}/series/{SERIES}", INSTANCE_PATH])
async def test_metadata_holds_it_on_request_only(client: Client, path: str) -> None:
    assert (await store(client, LO_001910ff="text")).status == 200
    assert {tag: (await metadata(client, path))[tag] for tag in (TEXT, "00190010")} == {
        TEXT: {"vr": "LO", "Value": ["text"]},
        "00190010": CREATOR,
    }
    for headers in ({}, {"msdicom-request-meta": "1"}, {"msdicom-request-meta": "false"}):
        assert not {TEXT, "00190010"} & (await metadata(client, path, headers)).keys()
    v1 = await client.send("GET", f"{path.replace('v2', 'v1')}/metadata", headers=ASKED)
    assert TEXT not in v1.json[0]


async def test_metadata_of_a_study_without_any_is_as_ever(client: Client) -> None:
    await store(client)
    assert await metadata(client) == await metadata(client, headers={})
    tags = [(await client.send("GET", f"{STUDY_PATH}/metadata", headers=headers)).headers["etag"] for headers in ({}, ASKED)]
    assert tags[0] == tags[1]


async def test_it_goes_before_what_files_have(client: Client) -> None:
    private = [data_element(0x00190010, "LO", "ACME"), data_element(0x001910FF, "LO", "own")]
    assert (await store(client, make_instance(elements=private), LO_001910FF="external")).status == 200
    assert (await metadata(client))[TEXT]["Value"] == ["external"]
    assert (await metadata(client, headers={}))[TEXT]["Value"] == ["own"]
    assert (await search(client, f"includefield={TEXT}")).json[0][TEXT]["Value"] == ["external"]
    assert (await search(client, f"includefield={TEXT}", {})).json[0][TEXT]["Value"] == ["own"]


async def test_a_later_store_overwrites_and_adds(client: Client) -> None:
    await store(client, LO_001910FF="first", SH_00191001="stays")
    await store(client, make_instance(instance=f"{INSTANCE}.1"), LO_001910FF="second", SS_00291002="-7", LO_00191001="")
    found = await metadata(client)
    assert found[TEXT]["Value"] == ["second"]
    assert found["00191001"]["Value"] == ["stays"]
    assert (found["00291002"], found["00290010"]) == ({"vr": "SS", "Value": [-7]}, CREATOR)
    assert (await search(client, f"{TEXT}=first")).status == 204
    assert (await search(client, f"{TEXT}=second")).status == 200


async def test_what_is_not_stored_brings_none(client: Client) -> None:
    await store(client)
    assert (await store(client, LO_001910FF="text")).status == 409
    assert TEXT not in await metadata(client)
    assert (await store(client, method="PUT", LO_001910FF="text")).status == 200
    assert TEXT in await metadata(client)


async def test_its_tag_changes_the_entity_tag(client: Client) -> None:
    await store(client, LO_001910FF="one")

    async def tag(headers: dict[str, str]) -> str:
        return (await client.send("GET", f"{INSTANCE_PATH}/metadata", headers=headers)).headers["etag"]

    plain, first = await tag({}), await tag(ASKED)
    assert plain != first
    same = await client.send("GET", f"{INSTANCE_PATH}/metadata", headers={**ASKED, "If-None-Match": first})
    assert same.status == 304
    await store(client, make_instance(instance=f"{INSTANCE}.1"), LO_001910FF="two")
    assert await tag({}) == plain
    assert await tag(ASKED) != first
    changed = await client.send("GET", f"{INSTANCE_PATH}/metadata", headers={**ASKED, "If-None-Match": first})
    assert changed.status == 200


SEARCHES = [
    ("AE", "ABC", ["ABC", "abc", "A*"], ["ABCD"]),
    ("AS", "042Y", ["042Y"], ["043Y"]),
    ("CS", "ONE", ["ONE", "one"], ["ON"]),
    ("DA", "20240131", ["20240131", "20240101-20240201", "-20240131"], ["20240201-"]),
    ("DT", "20240131120000", ["20240131120000", "2024-20250101"], ["2025-"]),
    ("FD", "1.50", ["1.5", "15e-1"], ["1.51"]),
    ("FL", "0.1", ["0.1"], ["0.2"]),
    ("IS", "+07", ["7", "007"], ["8"]),
    ("LO", "Some Text|~/", ["some%20text|~/"], ["some"]),
    ("PN", "Hall^X^T\u00e1", ["hall^x^ta", "Hall*"], ["Hall"]),
    ("SH", "short", ["SHORT"], ["shor"]),
    ("SL", "-5", ["-5"], ["5"]),
    ("SS", "-5", ["-05"], ["5"]),
    ("TM", "1030", ["103000", "10-11"], ["11-"]),
    ("UI", "1.2.3", ["1.2.3", "1.2.4,1.2.3"], ["1.2"]),
    ("UL", "4294967295", ["4294967295"], ["1"]),
    ("US", "65535", ["65535"], ["1"]),
]


@pytest.mark.parametrize(("vr", "value", "found", "missed"), SEARCHES, ids=[vr for vr, *_ in SEARCHES])
async def test_studies_are_found_by_it(client: Client, vr: str, value: str, found: list[str], missed: list[str]) -> None:
    stored = await store(client, None, "/v2/studies", "POST", **{f"{vr}_001910FF": value.encode().decode("latin-1")})
    assert stored.status == 200, stored.text
    await store(client, make_instance(study="9.9", instance="9.9.9"))
    for query in found:
        answer = await search(client, f"{TEXT}={query}")
        assert answer.status == 200, query
        assert [result["0020000D"]["Value"] for result in answer.json] == [[STUDY]]
        assert answer.json[0][TEXT]["vr"] == vr
        assert answer.json[0]["00190010"] == CREATOR
    for query in missed:
        assert (await search(client, f"{TEXT}={query}")).status == 204, query


async def test_names_are_found_by_their_words(client: Client) -> None:
    await store(client, PN_00191100="Doe^Jane Mary")
    for query in ("jan", "mary", "jane%20ma", "doe"):
        assert (await search(client, f"00191100={query}&fuzzymatching=true")).status == 200
    assert (await search(client, "00191100=ary&fuzzymatching=true")).status == 204


async def test_results_show_it_when_it_is_named(client: Client) -> None:
    await store(client, LO_001910FF="text", US_00191001="3")
    shown = {TEXT, "00190010"}
    for query in (f"includefield={TEXT}", f"PatientID=*&includefield={TEXT.lower()}"):
        (result,) = (await search(client, query)).json
        assert result.keys() & {*shown, "00191001"} == shown
    (everything,) = (await search(client, "includefield=all")).json
    assert everything.keys() >= {*shown, "00191001"}
    assert not (await search(client, "")).json[0].keys() & {*shown, "00191001"}
    (both,) = (await search(client, f"{TEXT}=TEXT&00191001=3&StudyInstanceUID={STUDY}")).json
    assert both.keys() >= {*shown, "00191001"}


async def test_without_the_header_it_is_unknown(client: Client) -> None:
    await store(client, LO_001910FF="text")
    assert (await search(client, f"{TEXT}=text", {})).status == 400
    assert (await search(client, "00191001=text")).status == 400, "nobody has used it"
    assert TEXT not in (await search(client, f"includefield={TEXT}", {})).json[0]
    for path in ("/v1/studies", "/v2/series", "/v2/instances", f"{STUDY_PATH}/series"):
        assert (await client.send("GET", f"{path}?{TEXT}=text", headers=ASKED)).status == 400


async def test_it_lives_in_its_data_partition_and_goes_with_its_study(client: Client) -> None:
    await store(client, None, "/v2/partitions/ward/studies", LO_001910FF="text")
    assert (await search(client, f"{TEXT}=text")).status == 204
    found = await client.send("GET", f"/v2/partitions/ward/studies?{TEXT}=text", headers=ASKED)
    assert found.status == 200
    assert (await client.send("DELETE", f"/v2/partitions/ward/studies/{STUDY}")).status == 204
    assert (await client.send("GET", f"/v2/partitions/ward/studies?{TEXT}=text", headers=ASKED)).status == 204
    await store(client, None, "/v2/partitions/ward/studies")
    assert TEXT not in await metadata(client, f"/v2/partitions/ward/studies/{STUDY}")


REFUSED = {
    "no VR": {"001910FF": "a"},
    "another name": {"LO-PatientName": "a"},
    "short tag": {"LO-001910F": "a"},
    "unsupported VR": {"DS-001910FF": "1"},
    "sequence": {"SQ-001910FF": ""},
    "standard tag": {"LO-00100020": "a"},
    "private creator": {"LO-00190010": "a"},
    "group length": {"UL-00190000": "1"},
    "lower case code": {"CS-001910FF": "abc"},
    "long text": {"SH-001910FF": "x" * 17},
    "very long text": {"PN-001910FF": "=".join(["x" * 64] * 3) + "=" + "x" * 64},
    "bad date": {"DA-001910FF": "2024-01-31"},
    "bad time": {"TM-001910FF": "25"},
    "bad moment": {"DT-001910FF": "x"},
    "bad age": {"AS-001910FF": "42"},
    "bad UID": {"UI-001910FF": "1..2"},
    "no integer": {"IS-001910FF": "1.5"},
    "no number": {"FD-001910FF": "one"},
    "infinite number": {"FD-001910FF": "1e999"},
    "number too large": {"FL-001910FF": "1e39"},
    "above SS": {"SS-001910FF": "32768"},
    "below SL": {"SL-001910FF": "-2147483649"},
    "negative US": {"US-001910FF": "-1"},
    "two values": {"LO-001910FF": "a\\b"},
    "two VRs": {"LO-001910FF": "a", "SH-001910FF": "a"},
    "one bad, one good": {"LO-001910FE": "a", "CS-001910FF": "b"},
    "too many": {f"LO-0019{number:04X}": "a" for number in range(0x1000, 0x1029)},
}


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
async def test_bad_headers_refuse_the_whole_request(client: Client, headers: dict[str, str]) -> None:
    answer = await store(client, None, "/v2/studies", "POST", **headers)
    assert answer.status == 400
    assert "external attribute" in answer.text.lower()
    assert "abc" not in answer.text
    assert (await client.get("/v2/studies")).status == 204
    assert (await store(client, None, "/v1/studies", "POST", **headers)).status == 200, "version 1 takes no notice"


async def test_the_first_use_of_a_tag_settles_its_vr_for_all(client: Client) -> None:
    assert (await store(client, LO_001910FF="text")).status == 200
    other = make_instance(study="9.9", instance="9.9.9")
    for path in ("/v2/studies", "/v2/partitions/ward/studies"):
        answer = await store(client, other, path, SH_001910FF="text", LO_00191001="x")
        assert (answer.status, answer.text) == (400, "The external attribute 001910FF has the VR LO, and cannot have SH.")
    assert (await store(client, other, SH_00191001="x", LO_001910FF="text")).status == 200


async def test_a_store_of_nothing_settles_no_vr(client: Client) -> None:
    assert (await store(client, b"no DICOM", LO_001910FF="text")).status == 409
    assert (await store(client, LO_001910FF="", SH_001910FE="")).status == 200
    assert (await store(client, method="PUT", SH_001910FF="text")).status == 200


async def test_values_are_utf_8_or_latin_1(client: Client) -> None:
    for sent, read in (("M\u00fcller".encode().decode("latin-1"), "M\u00fcller"), ("M\u00fcller", "M\u00fcller")):
        assert (await store(client, method="PUT", LO_001910FF=sent)).status == 200
        assert (await metadata(client))[TEXT]["Value"] == [read]


async def test_a_name_has_its_groups(client: Client) -> None:
    await store(client, PN_001910FF="Yamada^Tarou==x", PN_001910FE="=")
    found = await metadata(client)
    assert found[TEXT]["Value"] == [{"Alphabetic": "Yamada^Tarou", "Phonetic": "x"}]
    assert "001910FE" not in found
