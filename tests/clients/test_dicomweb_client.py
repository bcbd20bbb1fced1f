"""dicomweb-client stores, searches, retrieves and deletes every file that pydicom ships, over the network."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom import Dataset
from pydicom.datadict import keyword_for_tag

from tests.conformance.hosted import running_app
from tests.conformance.place import framed
from tests.dicom.bundled import READABLE, path, pydicom_read, quiet
from tests.dicom.factories import data_element, make_instance
from tests.local_host.running import Host

ALL_UN = ("rtdose_rle.dcm", "rtdose_rle_1frame.dcm")  # every element has VR UN, so there are no UIDs
ANY_SYNTAX = (("application/dicom", "*"),)
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running_app(tmp_path_factory.mktemp("store")) as host:
        yield host


@pytest.fixture(params=["v1", "v2"])
def url(host: Host, request: pytest.FixtureRequest) -> str:
    """The address of a partition that nobody has used before."""
    return f"{host.url}/{request.param}/partitions/client-{next(_numbers)}"


@pytest.fixture
def client(url: str) -> Iterator[DICOMwebClient]:
    with requests.Session() as session, quiet():
        yield DICOMwebClient(url, session=session, permissive_uid=True)


def _store(url: str, *files: bytes) -> requests.Response:
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    return requests.post(f"{url}/studies", framed(*files), headers=headers, timeout=30)


def _uids(data_set: Dataset) -> tuple[str, str, str]:
    return data_set.StudyInstanceUID, data_set.SeriesInstanceUID, data_set.SOPInstanceUID


@pytest.mark.parametrize("name", READABLE)
def test_every_file(client: DICOMwebClient, url: str, name: str) -> None:
    data, original = path(name).read_bytes(), pydicom_read(name)
    response = _store(url, data)
    if response.status_code == 409:
        [item] = response.json()["00081198"]["Value"]
        missing = re.search(r"'\((....),(....)\)' is missing", item["00741048"]["Value"][0]["00000902"]["Value"][0])
        assert missing is not None
        assert name in ALL_UN or not original.get(int(missing[1] + missing[2], 16), data_element(0x00100020, "LO", None)).value
        return
    [item] = response.json()["00081199"]["Value"]
    stored = requests.get(item["00081190"]["Value"][0], headers={"Accept": "application/dicom; transfer-syntax=*"}, timeout=30)
    assert stored.content == bytes(128) + data[128:]
    uids = _uids(original)
    _check_search(client, uids)
    _check_retrieval(client, uids, original)
    client.delete_instance(*uids)
    assert client.search_for_studies() == []
    with pytest.raises(requests.HTTPError) as error:
        client.retrieve_study(uids[0], media_types=ANY_SYNTAX)
    assert error.value.response is not None
    assert error.value.response.status_code == 404


def _check_search(client: DICOMwebClient, uids: tuple[str, str, str]) -> None:
    study, series, instance = uids
    [found] = client.search_for_studies(search_filters={"StudyInstanceUID": study})
    assert found["0020000D"]["Value"] == [study]
    [found] = client.search_for_series(study, search_filters={"SeriesInstanceUID": series})
    assert found["0020000E"]["Value"] == [series]
    [found] = client.search_for_instances(study, series, search_filters={"SOPInstanceUID": instance})
    assert found["00080018"]["Value"] == [instance]


def _check_retrieval(client: DICOMwebClient, uids: tuple[str, str, str], original: Dataset) -> None:
    study, series, instance = uids
    assert client.retrieve_instance(study, series, instance, media_types=ANY_SYNTAX) == original
    for found in (client.retrieve_series(study, series, media_types=ANY_SYNTAX), client.retrieve_study(study, media_types=ANY_SYNTAX)):
        assert found == [original]
    metadata = client.retrieve_instance_metadata(study, series, instance)
    assert metadata["00080018"]["Value"] == [instance]
    assert client.retrieve_series_metadata(study, series) == client.retrieve_study_metadata(study) == [metadata]


def test_store_with_the_client(client: DICOMwebClient) -> None:
    names = ["CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "JPEG2000.dcm"]
    data_sets = [pydicom_read(name) for name in names]
    result = client.store_instances(data_sets)
    assert [item.ReferencedSOPInstanceUID for item in result.ReferencedSOPSequence] == [data_set.SOPInstanceUID for data_set in data_sets]
    for data_set, item in zip(data_sets, result.ReferencedSOPSequence, strict=True):
        assert item.RetrieveURL.endswith("/studies/{}/series/{}/instances/{}".format(*_uids(data_set)))
        assert client.retrieve_instance(*_uids(data_set), media_types=ANY_SYNTAX) == data_set
    assert len(client.search_for_studies()) == len({data_set.StudyInstanceUID for data_set in data_sets})
    for study in {data_set.StudyInstanceUID for data_set in data_sets}:
        client.delete_study(study)
    assert client.search_for_instances() == []


def test_store_in_a_study_and_delete_a_series(client: DICOMwebClient, url: str) -> None:
    data_set = pydicom_read("CT_small.dcm")
    result = client.store_instances([data_set], study_instance_uid=data_set.StudyInstanceUID)
    assert result.RetrieveURL.endswith(urlsplit(url).path + f"/studies/{data_set.StudyInstanceUID}")  # this client sends Host without port
    study, series, _ = _uids(data_set)
    client.delete_series(study, series)
    assert client.search_for_series(study) == []


def test_long_results_are_paged(client: DICOMwebClient, url: str) -> None:
    files = [make_instance(instance=f"1.2.{number}") for number in range(450)]
    assert _store(url, *files).status_code == 200
    found = client.search_for_instances(limit=200, get_remaining=True)
    assert len({each["00080018"]["Value"][0] for each in found}) == 450
    assert keyword_for_tag(next(iter(found[0]))) is not None
    assert len(client.retrieve_study(found[0]["0020000D"]["Value"][0])) == 450
