from __future__ import annotations

import re

import pytest

from dicom_core.http.fallback import FALLBACK_NAME
from dicom_core.http.routes import ROUTES, Binding, bindings
from tests.http.host_rules import find, registered, sample_url

_BINDINGS = list(bindings())


@pytest.mark.parametrize("binding", _BINDINGS, ids=lambda binding: binding.name)
def test_no_function_hides_another(binding: Binding) -> None:
    for method in binding.route.methods:
        for url in (sample_url(binding), sample_url(binding).upper().replace("V2", "v2"), sample_url(binding) + "/"):
            found = find(registered(), method, url)
            assert found is not None
            assert found[0].name == binding.name


@pytest.mark.parametrize("binding", _BINDINGS, ids=lambda binding: binding.name)
def test_templates_are_plain(binding: Binding) -> None:
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,127}", binding.name)
    assert not binding.template.startswith(("admin", "runtime", "/"))
    for constraint in re.findall(r"regex\((.*?)\)(?=\})", binding.template):
        assert not set("{}?:=") & set(constraint)


def test_names_are_unique_and_sort_before_the_fallback() -> None:
    names = [binding.name.lower() for binding in _BINDINGS]
    assert len(set(names)) == len(names)
    assert max(names) < FALLBACK_NAME


def test_data_routes_are_partitioned_versioned_and_protected() -> None:
    for route in ROUTES:
        if route.path.startswith(("studies", "series", "instances")):
            assert route.partitioned
            assert route.versions
            assert route.action is not None
            assert route.audit is not None
        assert bool(route.action) == bool(route.audit)


@pytest.mark.parametrize("url", ["/studies", "/vfoo/studies", "/v2x/studies", "/v2", "/v2/nothing", "/v2/studies/1.2/frames", "/"])
def test_other_paths_reach_the_fallback(url: str) -> None:
    found = find(registered(), "GET", url)
    assert found is not None
    assert found[0].name == FALLBACK_NAME
