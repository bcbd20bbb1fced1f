from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from pathlib import Path

import pytest

from dicom_core.settings import Settings, SettingsError, variable

_SAMPLE = Path(__file__).parent.parent / "local.settings.sample.json"
_EMBEDDED = {"DICOM_STORAGE": "embedded"}


def _sample() -> dict[str, str]:
    values = json.loads(_SAMPLE.read_text(encoding="utf-8"))["Values"]
    return {name: value for name, value in values.items() if name.startswith("DICOM_")}


def test_sample_has_every_setting_with_its_default() -> None:
    assert _sample().keys() == {variable(field.name) for field in fields(Settings)}
    development = "UseDevelopmentStorage=true"
    assert Settings.from_env(_sample()) == Settings(storage_connection_string=development)


def test_values_are_read_as_the_type_of_their_field() -> None:
    settings = Settings.from_env(
        {
            "DICOM_STORAGE": "embedded",
            "DICOM_DATA": "/data",
            "DICOM_SHARDS": "8",
            "DICOM_FORWARDED_HEADERS": "TRUE",
            "DICOM_CORS_ORIGINS": "https://a, https://b,",
            "DICOM_CONTAINER": " ",
        }
    )
    assert (settings.data, settings.shards, settings.forwarded_headers) == ("/data", 8, True)
    assert settings.cors_origins == ("https://a", "https://b")
    assert settings.container == "dicom"


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "DICOM_STORAGE_ACCOUNT"),
        ({"DICOM_STORAGE": "floppy"}, "DICOM_STORAGE "),
        ({"DICOM_STORAGE_ACCOUNT": "a", "DICOM_STORAGE_CONNECTION_STRING": "b"}, "DICOM_STORAGE_ACCOUNT"),
        ({"DICOM_BLOB_SERVICE_URI": "https://a"}, "DICOM_BLOB_SERVICE_URI"),
        ({**_EMBEDDED, "DICOM_SHARDS": "65"}, "DICOM_SHARDS"),
        ({**_EMBEDDED, "DICOM_SHARDS": "-1"}, "DICOM_SHARDS"),
        ({**_EMBEDDED, "DICOM_SHARDS": "many"}, "DICOM_SHARDS"),
        ({**_EMBEDDED, "DICOM_MAX_FILE_BYTES": "0"}, "DICOM_MAX_FILE_BYTES"),
        ({**_EMBEDDED, "DICOM_FORWARDED_HEADERS": "yes"}, "DICOM_FORWARDED_HEADERS"),
        ({**_EMBEDDED, "DICOM_SWEEP_SCHEDULE": "hourly"}, "DICOM_SWEEP_SCHEDULE"),
        ({**_EMBEDDED, "DICOM_EXPIRY_SCHEDULE": "hourly"}, "DICOM_EXPIRY_SCHEDULE"),
        ({**_EMBEDDED, "DICOM_SECURITY_ENABLED": "true"}, "DICOM_AUTHORITY"),
        ({**_EMBEDDED, "DICOM_AUTHORIZATION_ENABLED": "true"}, "DICOM_AUTHORIZATION_ENABLED"),
        ({**_EMBEDDED, "DICOM_CORS_ORIGINS": "*", "DICOM_CORS_ALLOW_CREDENTIALS": "true"}, "DICOM_CORS_ALLOW_CREDENTIALS"),
    ],
)
def test_errors_name_the_variable(environ: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    "account",
    [
        {"storage_account": "account"},
        {"storage_connection_string": "UseDevelopmentStorage=true"},
        {"blob_service_uri": "https://b", "table_service_uri": "https://t"},
    ],
)
def test_ways_to_name_the_account(account: dict[str, str]) -> None:
    Settings(**account)  # type: ignore[arg-type]  # all of them text


def test_secrets_are_not_quoted() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(storage_connection_string="AccountKey=secret", storage_account="a")
    assert "secret" not in str(caught.value)


def test_the_folder_may_be_yet_to_be_made(tmp_path: Path) -> None:
    Settings(storage="embedded", data=str(tmp_path / "new" / "data"))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("below", ["", "data"])
def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SettingsError, match=r"DICOM_DATA must name a folder that can be written"):
        Settings(storage="embedded", data=str(file / below))


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # nothing is closed to root, as whom tests may run
    with pytest.raises(SettingsError, match=r"DICOM_DATA must name a folder that can be written"):
        Settings(storage="embedded", data=str(tmp_path / "data"))


def test_misspelt_variables_are_named(caplog: pytest.LogCaptureFixture) -> None:
    Settings.from_env({"DICOM_STORAGE": "embedded", "DICOM_SECURITY": "true", "OTHER": "secret"})
    assert caplog.messages == ["DICOM_SECURITY is no setting of this service: is it misspelt?"]


def test_settings_do_not_change() -> None:
    settings = Settings(storage="embedded")
    assert replace(settings, shards=2).shards == 2
    with pytest.raises(AttributeError):
        settings.shards = 3  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}, {"storage_connection_string": "UseDevelopmentStorage=true"}),
        ({"AzureWebJobsStorage__accountName": "a"}, {"storage_account": "a"}),
        (
            {
                "AzureWebJobsStorage__accountName": "a",
                "AzureWebJobsStorage__blobServiceUri": "https://b",
                "AzureWebJobsStorage__queueServiceUri": "https://q",
                "AzureWebJobsStorage__tableServiceUri": "https://t",
                "AzureWebJobsStorage__clientId": "c",
            },
            {"blob_service_uri": "https://b", "table_service_uri": "https://t", "storage_client_id": "c"},
        ),
        ({"AzureWebJobsStorage": "x", "DICOM_STORAGE_ACCOUNT": "own"}, {"storage_account": "own"}),
        ({"AzureWebJobsStorage": "x", "DICOM_STORAGE": "embedded"}, {"storage": "embedded"}),
    ],
    ids=["connection string", "account", "addresses", "own account", "embedded"],
)
def test_the_host_has_an_account_to_use(environ: dict[str, str], expected: dict[str, str]) -> None:
    assert Settings.from_env(environ) == Settings(**expected)  # type: ignore[arg-type]  # all of these are text
