from __future__ import annotations

import re

import pytest

from dicom_core.http.docs_page import PAGE, asset


def test_the_page_needs_only_files_that_are_served_with_it() -> None:
    page = asset(PAGE)
    assert page is not None
    html = page.content.decode()
    files = re.findall(r'(?:src|href)="/docs/([^"]+)"', html)
    assert {"swagger-ui-bundle.js", "swagger-ui.css", "start.js"} <= set(files)
    for name in files:
        assert asset(name) is not None
    assert not re.search(r"https?://|<style|<script>| style=| on[a-z]+=", html)


def test_swagger_ui_is_told_to_stay_at_home() -> None:
    start = asset("start.js")
    assert start is not None
    assert b"validatorUrl: null" in start.content
    assert b"://" not in start.content


@pytest.mark.parametrize("name", ["", "..", "../docs_page.py", "start.js/", "redoc.standalone.js", "START.JS"])
def test_only_listed_files_are_served(name: str) -> None:
    assert asset(name) is None


def test_tags_follow_the_content() -> None:
    tags = {found.tag for name in ("start.js", "swagger-ui.css", PAGE) if (found := asset(name)) is not None}
    assert len(tags) == 3
