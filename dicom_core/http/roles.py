"""Roles: which data actions a caller may take."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args

__all__ = ["BUILT_IN_ROLES", "DataAction", "Roles", "allowed_actions", "parse_roles"]


DataAction = Literal["read", "write", "delete", "manageExtendedQueryTags", "export"]  # what a role can allow
Roles = Mapping[str, frozenset[DataAction]]  # by name in lower case

_NAME = re.compile(r"[A-Za-z_-]+", re.ASCII)
_FIELDS = ("name", "dataActions", "notDataActions", "scopes")
_READ: Final = frozenset[DataAction]({"read"})
_ALL: Final = frozenset[DataAction](get_args(DataAction))
_ACTIONS: Final[Mapping[str, frozenset[DataAction]]] = {"*": _ALL, **{action: frozenset((action,)) for action in _ALL}}

BUILT_IN_ROLES: Final[Roles] = {
    "globalreader": _READ,
    "globaladmin": _ALL,
    # what the hosted service calls them
    "dicom data reader": _READ,
    "dicom data owner": _ALL,
}


def parse_roles(text: str | bytes) -> Roles:
    """Read a roles document; its roles stand beside the built-in ones and replace those of the same name.

    Names differ not only in letter case.

    Raises:
        ValueError: the document is not valid; the text names the place.

    Example: ``{"roles":[{"name":"archivist","dataActions":["*"],"notDataActions":["delete"],"scopes":["/"]}]}``
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("roles"), list):
        raise ValueError("an object with a list 'roles' is expected")
    own: dict[str, frozenset[DataAction]] = {}
    for index, entry in enumerate(document["roles"]):
        place = f"roles[{index}]"
        name, actions = _parse_role(entry, place)
        if name in own:
            raise ValueError(f"{place}.name: the role {name!r} is there twice")
        own[name] = actions
    return {**BUILT_IN_ROLES, **own}


def allowed_actions(roles: Roles, claim: Any) -> frozenset[DataAction]:
    """Return what the roles in a claim (a name or a list of names) allow together; unknown names allow nothing."""
    names = claim if isinstance(claim, list) else [claim]
    return frozenset().union(*(roles.get(name.lower(), frozenset()) for name in names if isinstance(name, str)))


def _parse_role(entry: Any, place: str) -> tuple[str, frozenset[DataAction]]:
    if not isinstance(entry, dict):
        raise ValueError(f"{place}: an object is expected")
    for field in _FIELDS:
        if field not in entry:
            raise ValueError(f"{place}.{field}: missing")
    for field in entry:
        if field not in _FIELDS:
            raise ValueError(f"{place}.{field}: unknown")
    name = entry["name"]
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ValueError(f"{place}.name: only letters, '_' and '-' are allowed")
    if entry["scopes"] != ["/"]:
        raise ValueError(f'{place}.scopes: only ["/"] is known')
    return name.lower(), _parse_actions(entry, "dataActions", place) - _parse_actions(entry, "notDataActions", place)


def _parse_actions(entry: dict[str, Any], field: str, place: str) -> frozenset[DataAction]:
    names = entry[field]
    if not isinstance(names, list):
        raise ValueError(f"{place}.{field}: a list is expected")
    for index, name in enumerate(names):
        if not isinstance(name, str) or name not in _ACTIONS:
            raise ValueError(f"{place}.{field}[{index}]: not one of {' '.join(sorted(_ACTIONS))}")
    return frozenset().union(*(_ACTIONS[name] for name in names))
