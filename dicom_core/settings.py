"""Everything that can be configured. Each field is read from an environment variable: ``DICOM_`` and its name in capitals."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, get_type_hints

__all__ = ["Settings", "SettingsError", "variable"]

_log = logging.getLogger(__name__)

_PREFIX: Final = "DICOM_"


class SettingsError(ValueError):
    """A setting cannot be used; the text names its variable, and never quotes a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The configuration of one process, checked when it is made.

    Raises:
        SettingsError: a value is out of range, or the settings of the storage do not fit together.
    """

    storage: str = "azure"  # where everything is kept: `azure` (Blob and Table Storage) or `embedded` (a folder)
    data: str = ".data"  # embedded: the folder
    storage_connection_string: str = ""  # azure: connection string, for Azurite and development
    storage_account: str = ""  # azure: account name, to be used with the app's identity
    blob_service_uri: str = ""  # azure: address of the blob service, instead of the account name
    table_service_uri: str = ""  # azure: address of the table service, instead of the account name
    storage_client_id: str = ""  # azure: client id of a user-assigned identity; empty for the system-assigned one
    container: str = "dicom"  # azure: blob container of files
    shards: int = 0  # shards of the index when the store is first used, 1 to 64; 0 is 8 on Azure and 1 embedded
    max_file_bytes: int = 4 * 1024**3  # DICOM files that one request may store, in bytes; more is answered 413
    max_converted_bytes: int = 100 * 1024**2  # files that are transcoded or rendered, in bytes; larger ones are answered 406
    bulk_data_uris: bool = False  # metadata has the URIs of bulk data, whether a request asks for them or not
    search_combined_date_times: bool = False  # searching for a date range and a time range means the time between both moments
    search_any_order_names: bool = False  # fuzzy matching takes the words of a name in any order
    forwarded_headers: bool = False  # believe X-Forwarded-Host and X-Forwarded-Proto when building URLs
    sweep_schedule: str = "0 */2 * * * *"  # when to finish what crashed requests left, as NCRONTAB
    sweep_upload_seconds: int = 24 * 3600  # age at which an upload that was never committed counts as abandoned
    sweep_outbox_seconds: int = 60  # age at which a committed change's feed events count as left behind
    expiry_schedule: str = "0 */5 * * * *"  # when to delete the studies whose time has come, as NCRONTAB

    security_enabled: bool = False  # ask every caller for a bearer token
    authority: str = ""  # address of the OpenID Connect provider whose tokens are accepted; https
    audiences: tuple[str, ...] = ()  # the audiences that tokens may be for, separated by commas
    authorization_enabled: bool = False  # with security: ask for a role that allows the request
    roles_claim: str = "roles"  # the claim of the token that lists the caller's roles
    roles_file: str = ""  # JSON file with roles, beside the built-in ones
    audit_enabled: bool = False  # write audit records to the log `dicom.audit`
    audit_claims: tuple[str, ...] = ("appid", "azp", "oid", "sub", "tid")  # claims of the token that audit records show
    audit_header_prefix: str = "X-MS-AZUREDICOM-AUDIT-"  # request headers that are copied to audit records start with this
    audit_full_uri: bool = False  # record query strings as they came, values that may name patients included
    cors_origins: tuple[str, ...] = ()  # origins of web pages that may call, or *; none switches the headers off
    cors_headers: tuple[str, ...] = ("*",)  # request headers that they may send, or *
    cors_methods: tuple[str, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")  # methods that they may use
    cors_max_age_seconds: int = 600  # for how long browsers may remember the answer
    cors_allow_credentials: bool = False  # whether they may send cookies and the like; not together with *

    def __post_init__(self) -> None:
        _require(self.storage in ("azure", "embedded"), "storage", "must be azure or embedded")
        _require(0 <= self.shards <= 64, "shards", "must be 0 to 64")
        for name in ("max_file_bytes", "max_converted_bytes", "sweep_upload_seconds", "sweep_outbox_seconds"):
            _require(getattr(self, name) > 0, name, "must be above 0")
        for name in ("sweep_schedule", "expiry_schedule"):
            _require(len(getattr(self, name).split()) == 6, name, "must have six fields: second minute hour day month weekday")
        if self.storage == "embedded":
            _require(bool(self.data), "data", "must name a folder")
            _require(_can_hold_files(Path(self.data)), "data", f"must name a folder that can be written, unlike {self.data}")
        else:
            self._check_account()
        self._check_policies()

    def _check_account(self) -> None:
        uris = bool(self.blob_service_uri), bool(self.table_service_uri)
        _require(uris[0] == uris[1], "blob_service_uri", f"and {variable('table_service_uri')} must be set together")
        ways = bool(self.storage_connection_string), bool(self.storage_account), uris[0]
        others = f"{variable('storage_connection_string')} or {variable('blob_service_uri')}"
        _require(sum(ways) == 1, "storage_account", f"or {others} must be set, and only one, when {variable('storage')} is azure")

    def _check_policies(self) -> None:
        if self.security_enabled:
            _require(bool(self.authority), "authority", f"must be set when {variable('security_enabled')} is true")
            _require(bool(self.audiences), "audiences", f"must be set when {variable('security_enabled')} is true")
        _require(self.security_enabled or not self.authorization_enabled, "authorization_enabled", f"needs {variable('security_enabled')}")
        _require(bool(self.audit_header_prefix), "audit_header_prefix", "must not be empty")
        _require(self.cors_max_age_seconds >= 0, "cors_max_age_seconds", "must not be negative")
        any_origin = "*" in self.cors_origins
        _require(
            not (any_origin and self.cors_allow_credentials),
            "cors_allow_credentials",
            f"must be false when {variable('cors_origins')} is *",
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; absent and empty variables mean the default, those that only look like a setting a warning.

        An app that names no storage of its own uses the account that its Functions host has (``AzureWebJobsStorage``).

        Raises:
            SettingsError: as for the class, or a value that is not of the field's type.
        """
        _warn_of_others(environ)
        types = get_type_hints(cls)
        values: dict[str, Any] = {}
        for field in fields(cls):
            text = environ.get(variable(field.name), "").strip()
            if text:
                values[field.name] = _READ[types[field.name]](field.name, text)
        if values.get("storage", "azure") == "azure" and not values.keys() & _ACCOUNT.keys():
            values |= _host_account(environ)
        return cls(**values)


def _warn_of_others(environ: Mapping[str, str]) -> None:
    """A misspelt setting leaves its default in force, which may be no security."""
    known = {variable(field.name) for field in fields(Settings)}
    for name in sorted(environ):
        if name.startswith(_PREFIX) and name not in known:
            _log.warning("%s is no setting of this service: is it misspelt?", name)


def _host_account(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of the Functions host's own storage account; its addresses, when it has them, go before its name."""
    found = {name: text for name, suffix in _ACCOUNT.items() if (text := environ.get(f"AzureWebJobsStorage{suffix}", "").strip())}
    if "blob_service_uri" in found and "table_service_uri" in found:
        found.pop("storage_account", None)
    else:
        found = {name: text for name, text in found.items() if not name.endswith("_uri")}
    return found


def variable(name: str) -> str:
    """Name of the environment variable of a field."""
    return f"{_PREFIX}{name.upper()}"


def _require(condition: bool, name: str, text: str) -> None:
    if not condition:
        raise SettingsError(f"{variable(name)} {text}.")


def _can_hold_files(folder: Path) -> bool:
    """Whether a folder can be written; one that is yet to be made, whether it can be made."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.exists(path))
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _integer(name: str, text: str) -> int:
    _require(text.isascii() and text.isdecimal() and len(text) < 20, name, "must be a whole number")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    _require(text.lower() in ("true", "false"), name, "must be true or false")
    return text.lower() == "true"


def _list(_: str, text: str) -> tuple[str, ...]:
    return tuple(entry for part in text.split(",") if (entry := part.strip()))


_ACCOUNT: Final = {
    "storage_connection_string": "",
    "storage_account": "__accountName",
    "blob_service_uri": "__blobServiceUri",
    "table_service_uri": "__tableServiceUri",
    "storage_client_id": "__clientId",
}

_READ: Final[dict[Any, Callable[[str, str], object]]] = {
    int: _integer,
    bool: _boolean,
    str: lambda _, text: text,
    tuple[str, ...]: _list,
}
