"""What the settings change in searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dicom.factories import make_instance
from tests.http.driver import open_client


@pytest.mark.parametrize("setting", [False, True])
@pytest.mark.parametrize(
    ("name", "query", "unset", "status"),
    [
        ("search_any_order_names", "PatientName=john%20doe&fuzzymatching=true", 204, 200),
        ("search_combined_date_times", "StudyDate=20230101-20230103&StudyTime=1000-1100", 204, 200),
        ("search_combined_date_times", "StudyDate=20230101-20230103&StudyTime=1000-0900", 400, 200),
        ("search_combined_date_times", "StudyTime=1000-0900", 400, 400),
    ],
)
async def test_settings_widen_what_matches(tmp_path: Path, name: str, query: str, unset: int, status: int, setting: bool) -> None:
    image = make_instance(PatientName="Doe^John", StudyDate="20230102", StudyTime="235959")
    async with open_client(tmp_path, **{name: setting}) as client:
        assert (await client.send("POST", "/v2/studies", image, headers={"Content-Type": "application/dicom"})).status == 200
        found = await client.get(f"/v2/studies?{query}")
        assert found.status == (status if setting else unset)
