from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.http.yaml import to_yaml

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn", "Co"]), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(_VALUES)
def test_yaml_reads_back_what_was_written(value: Any) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


@pytest.mark.parametrize("key", ["no", "On", "null", "~", "200", "1.0", "/v2/studies/{study}", "a: b", "#", "", "2020-01-01", "<<"])
def test_every_key_stays_text(key: str) -> None:
    assert yaml.safe_load(to_yaml({key: 1})) == {key: 1}


def test_documents_are_in_block_style() -> None:
    document = {"openapi": "3.0.3", "tags": [{"name": "a", "of": []}, [1, 2]], "info": {"text": "x: y", "empty": {}}}
    assert to_yaml(document) == (
        'openapi: "3.0.3"\ntags:\n  - name: "a"\n    of: []\n  - - 1\n    - 2\ninfo:\n  text: "x: y"\n  empty: {}\n'
    )
