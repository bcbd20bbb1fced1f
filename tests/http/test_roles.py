from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from dicom_core.http.roles import BUILT_IN_ROLES, DataAction, allowed_actions, parse_roles

_EVERYTHING = frozenset(get_args(DataAction))


def _role(**changes: Any) -> dict[str, Any]:
    return {"name": "archivist", "dataActions": ["*"], "notDataActions": ["delete"], "scopes": ["/"], **changes}


def _document(*roles: Any) -> str:
    return json.dumps({"roles": roles})


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (["globalReader"], {"read"}),
        ("globalReader", {"read"}),
        (["globalAdmin"], _EVERYTHING),
        (["DICOM Data Reader"], {"read"}),
        (["DICOM Data Owner"], _EVERYTHING),
        (["globalReader", "archivist"], _EVERYTHING - {"delete"}),
        (["ARCHIVIST"], _EVERYTHING - {"delete"}),
        (["nobody", "globalReader"], {"read"}),
        (["nobody"], set()),
        ([], set()),
        (None, set()),
        ([None, 7, {"globalAdmin": 1}], set()),
        ({"globalAdmin": 1}, set()),
    ],
)
def test_a_caller_has_the_union_of_the_roles_in_the_claim(claim: Any, expected: set[str]) -> None:
    assert allowed_actions(parse_roles(_document(_role())), claim) == expected


def test_own_roles_stand_beside_the_built_in_ones_and_may_replace_them() -> None:
    roles = parse_roles(_document(_role(name="GlobalReader", dataActions=["read", "export"], notDataActions=[])))
    assert roles == {**BUILT_IN_ROLES, "globalreader": frozenset({"read", "export"})}


def test_actions_taken_away_win_inside_a_role_only() -> None:
    reader = _role(name="no-reading", dataActions=["*"], notDataActions=["*"])
    roles = parse_roles(_document(reader))
    assert allowed_actions(roles, ["no-reading"]) == frozenset()
    assert allowed_actions(roles, ["no-reading", "globalReader"]) == {"read"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "list 'roles'"),
        ('{"roles":{}}', "list 'roles'"),
        (_document("globalReader"), "roles[0]: an object"),
        (_document(_role(), _role()), "roles[1].name: the role 'archivist' is there twice"),
        (_document(_role(), _role(name="Archivist")), "roles[1].name"),
        (_document(_role(name="")), "roles[0].name"),
        (_document(_role(name="two words")), "roles[0].name"),
        (_document(_role(name=1)), "roles[0].name"),
        (_document(_role(scopes=["/studies"])), "roles[0].scopes"),
        (_document(_role(scopes=[])), "roles[0].scopes"),
        (_document(_role(dataActions="read")), "roles[0].dataActions: a list"),
        (_document(_role(dataActions=["read", "Read"])), "roles[0].dataActions[1]"),
        (_document(_role(notDataActions=[[]])), "roles[0].notDataActions[0]"),
        (_document(_role(scope="/")), "roles[0].scope: unknown"),
        (_document({"name": "a", "dataActions": [], "notDataActions": []}), "roles[0].scopes: missing"),
    ],
)
def test_an_invalid_document_is_refused_and_the_place_named(text: str, place: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_roles(text)
    assert place in str(caught.value)
