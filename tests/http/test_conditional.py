from __future__ import annotations

import pytest

from dicom_core.http.conditional import is_current, quote


@pytest.mark.parametrize("header", ['"12-3"', "12-3", 'W/"12-3"', '"1", "12-3"', "*", '"1",12-3', quote("12-3")])
def test_tag_is_current(header: str) -> None:
    assert is_current(header, "12-3")


@pytest.mark.parametrize("header", [None, "", '"12"', '"12-34"', "2-3", 'W/"1"'])
def test_tag_is_not_current(header: str | None) -> None:
    assert not is_current(header, "12-3")
