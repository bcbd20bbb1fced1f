"""OHIF (with Cornerstone) and Weasis: the requests that they send, over the network, and what they need of the answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.conformance.hosted import running_app
from tests.conformance.place import MULTIPART, framed, stored
from tests.dicom.factories import make_instance
from tests.http.driver import Answer

ORIGIN = "https://viewer.example"
MP4 = "1.2.840.10008.1.2.4.102"
JSON = {"Accept": "application/dicom+json", "Origin": ORIGIN}
FRAME = "multipart/related; type=application/octet-stream; transfer-syntax=*"
INCLUDED = quote("00081030,00080060,00080090,00100030", safe="")
STUDY_FIELDS = "00080020,00080030,00080050,00080061,00080090,00081030,00100010,00100020,00100021,00100030,00100040,0020000D,00200010"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service with three studies, two of which have ten instances in each of two series."""
    with running_app(tmp_path_factory.mktemp("store"), cors_origins=ORIGIN) as host:
        url = f"{host.url}/v2"
        for study, name in (("1.1", "Anders^Ann"), ("1.2", "Bauer^Bo"), ("1.3", "Anders^Carl")):
            files = [
                make_instance(
                    study=study,
                    series=f"{study}.{series}",
                    instance=f"{study}.{series}.{number}",
                    rows=4,
                    columns=4,
                    PatientName=name,
                    PatientID=f"MRN-{study}",
                    AccessionNumber=f"ACC{study}",
                    StudyDescription="CT Thorax" if study == "1.1" else "Knee",
                    StudyDate=f"202401{study[-1]}0",
                    StudyTime="101500",
                    Modality="CT" if series == 1 else "SR",
                    SeriesNumber=series,
                    SeriesDescription=f"Series {series}",
                    SeriesDate="20240101",
                    InstanceNumber=number,
                    ReferringPhysicianName="Roe^R",
                )
                for series in (1, 2)
                for number in range(1, 11 if study != "1.3" else 2)
            ]
            response = requests.post(f"{url}/studies", framed(*files), headers={"Content-Type": MULTIPART}, timeout=30)
            assert len(stored(Answer(response.status_code, {}, response.content))) == len(files)
        yield url


def _get(url: str, **headers: str) -> Any:
    response = requests.get(url, headers={**JSON, **headers}, timeout=30)
    assert response.status_code in (200, 204), response.text
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    return response.json() if response.status_code == 200 else []


def _studies(results: list[dict[str, Any]]) -> list[str]:
    return [result["0020000D"]["Value"][0] for result in results]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", ["1.3", "1.2", "1.1"]),
        ("PatientName=%2AAnd%2A&", ["1.3", "1.1"]),
        ("PatientName=%2Abauer%2A&", ["1.2"]),
        ("PatientName=Anders%5EAnn&", ["1.1"]),
        ("00100020=%2Amrn-1.%2A&", ["1.3", "1.2", "1.1"]),
        ("00100020=%2A1.2%2A&", ["1.2"]),
        ("AccessionNumber=%2Aacc1.1%2A&", ["1.1"]),
        ("StudyDescription=%2Athorax%2A&", ["1.1"]),
        ("ModalitiesInStudy=CT&", ["1.3", "1.2", "1.1"]),
        ("ModalitiesInStudy=MG&", []),
        ("StudyDate=20240110-20240125&", ["1.2", "1.1"]),
        ("StudyDate=19700102-20240115&", ["1.1"]),
        ("StudyInstanceUID=1.1%5C1.3&", ["1.3", "1.1"]),
        ("StudyInstanceUID=1.1%2C1.3&", ["1.3", "1.1"]),
        ("PatientName=%2Aanders%2A&StudyDescription=%2Aknee%2A&ModalitiesInStudy=SR&StudyDate=20240101-20240131&", ["1.3"]),
    ],
)
@pytest.mark.parametrize("fuzzy", ["false", "true"])
def test_study_list_of_ohif(base: str, filters: str, expected: list[str], fuzzy: str) -> None:
    if fuzzy == "true" and "%5EAnn" in filters:
        filters = filters.replace("Anders%5EAnn", "and%20ann")
    results = _get(f"{base}/studies?{filters}limit=101&offset=0&fuzzymatching={fuzzy}&includefield={INCLUDED}")
    assert _studies(results) == expected
    for result in results:
        assert result.keys() >= {"0020000D", "00080020", "00080050", "00080060", "00080090", "00081030", "00100010", "00100020"}


def test_series_list_of_ohif(base: str) -> None:
    results = _get(f"{base}/studies/1.1/series?includefield={quote('0008103E,00080021', safe='')}")
    assert [result["0020000E"]["Value"] for result in results] == [["1.1.2"], ["1.1.1"]]
    assert all(result.keys() >= {"00080060", "0008103E", "00080021", "0020000D"} for result in results)
    [study] = _get(f"{base}/studies?StudyInstanceUID=1.1&includefield=00201208&includefield=00080061&includefield=00201206")
    assert (study["00201208"]["Value"], study["00080061"]["Value"]) == ([20], ["CT", "SR"])


def test_metadata_burst(base: str) -> None:
    series = [f"{base}/studies/{study}/series/{study}.{number}/metadata" for study in ("1.1", "1.2") for number in (1, 2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(_get, series * 8))
    for url, instances in zip(series * 8, answers, strict=True):
        assert sorted(instance["00200013"]["Value"][0] for instance in instances) == list(range(1, 11))
        assert {instance["0020000E"]["Value"][0] for instance in instances} == {url.split("/")[-2]}
    raw = requests.get(series[0], headers={**JSON, "Accept-Encoding": "gzip"}, timeout=30, stream=True)
    assert raw.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(raw.raw.read()))) == 10


def test_frames_of_cornerstone(base: str) -> None:
    instances = _get(f"{base}/studies/1.1/series/1.1.1/metadata")
    addresses = [f"{base}/studies/1.1/series/1.1.1/instances/{each['00080018']['Value'][0]}/frames/1" for each in instances]

    def frame(url: str) -> bytes:
        response = requests.get(url, headers={"Accept": FRAME, "Origin": ORIGIN}, timeout=30)
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
        head, _, rest = response.content.partition(b"\r\n\r\n")
        assert b"Content-Type: application/octet-stream" in head
        return rest.rpartition(b"\r\n--")[0]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(frame, addresses)) == [bytes(range(16))] * 10


@pytest.mark.parametrize("accept", ["image/jpeg", "image/png", "*/*"])
def test_thumbnails(base: str, accept: str) -> None:
    for path in ("series/1.1.1/instances/1.1.1.1/rendered", "series/1.1.1/instances/1.1.1.1/frames/1/rendered", "series/1.1.1/thumbnail"):
        response = requests.get(f"{base}/studies/1.1/{path}", headers={"Accept": accept, "Origin": ORIGIN}, timeout=30)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("image/")


def test_video_of_ohif(base: str) -> None:
    film = b"film" * 1000
    file = make_instance(study="1.9", series="1.9.1", instance="1.9.1.1", transfer_syntax=MP4, rows=4, columns=4, pixel_data=[film])
    url = f"{base}/partitions/video/studies"
    assert requests.post(url, file, headers={"Content-Type": "application/dicom"}, timeout=30).status_code == 200
    address = f"{url}/1.9/series/1.9.1/instances/1.9.1.1/pixeldata?accept=video/mp4"
    response = requests.get(address, headers={"Accept": "*/*", "Range": "bytes=4-7", "Origin": ORIGIN}, timeout=30)
    assert (response.status_code, response.content, response.headers["Content-Range"]) == (206, b"film", "bytes 4-7/4000")
    assert response.headers["Content-Type"].startswith("video/mp4")


@pytest.mark.parametrize(
    ("method", "headers"),
    [("GET", "authorization"), ("GET", "authorization,x-request-id"), ("POST", "content-type"), ("DELETE", "authorization")],
)
def test_preflight_of_a_browser(base: str, method: str, headers: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers, "Origin": ORIGIN}
    response = requests.options(f"{base}/studies", headers={**asked, "Accept": "*/*", "Sec-Fetch-Mode": "cors"}, timeout=30)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert method in response.headers["Access-Control-Allow-Methods"].split(", ")
    assert response.headers["Access-Control-Allow-Headers"] == headers
    assert int(response.headers["Access-Control-Max-Age"]) > 0
    other = requests.options(f"{base}/studies", headers={**asked, "Origin": "https://other.example"}, timeout=30)
    assert "Access-Control-Allow-Origin" not in other.headers
    exposed = requests.get(f"{base}/studies", headers=JSON, timeout=30).headers["Access-Control-Expose-Headers"]
    assert {"Warning", "ETag", "erroneous-dicom-attributes"} <= set(exposed.split(", "))


@pytest.mark.parametrize("separator", [",", "&includefield="])
def test_weasis_opens_studies(base: str, separator: str) -> None:
    included = STUDY_FIELDS.replace(",", separator)
    for condition, expected in (
        ("00100020=MRN-1.1", ["1.1"]),
        ("0020000D=1.2", ["1.2"]),
        ("00080050=ACC1.3", ["1.3"]),
        ("00100020=nobody", []),
    ):
        results = _get(f"{base}/studies?{condition}&includefield={included}", Accept="application/json")
        assert _studies(results) == expected
        for result in results:
            assert result.keys() >= {"00080020", "00080030", "00080061", "00100010"}
            _open_series(base, result["0020000D"]["Value"][0], separator)


def _open_series(base: str, study: str, separator: str) -> None:
    fields = "0008103E,00080060,0020000E,00200011,00081190".replace(",", separator)
    series = _get(f"{base}/studies/{study}/series?includefield={fields}")
    assert len(series) == 2
    for each in series:
        address = each["00081190"]["Value"][0]
        instances = _get(f"{address}/instances?includefield={'00080018,00200013,00081190'.replace(',', separator)}")
        assert [instance["00200013"]["Value"][0] for instance in instances] == list(range(len(instances), 0, -1))
        accept = 'multipart/related;type="application/dicom";transfer-syntax=*'
        response = requests.get(instances[0]["00081190"]["Value"][0], headers={"Accept": accept}, timeout=30)
        assert (response.status_code, b"DICM" in response.content) == (200, True)


def test_weasis_opens_series_and_instances(base: str) -> None:
    more = ",0008103E,00080060,0020000E,00200011"
    [series] = _get(f"{base}/series?0020000E=1.1.2&includefield={STUDY_FIELDS}{more},00081190")
    assert (series["0020000D"]["Value"], series["00080061"]["Value"]) == (["1.1"], ["CT", "SR"])
    [instance] = _get(f"{base}/instances?00080018=1.1.2.3&includefield={STUDY_FIELDS}{more},00200013,00081190")
    assert (instance["00200013"]["Value"], instance["00100020"]["Value"]) == ([3], ["MRN-1.1"])
    assert instance["00081190"]["Value"] == [f"{base}/studies/1.1/series/1.1.2/instances/1.1.2.3"]
