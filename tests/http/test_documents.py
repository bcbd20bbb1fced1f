"""Reports and encapsulated documents over HTTP, in the form that people read."""

from __future__ import annotations

import pytest

from tests.dicom.bundled import path
from tests.dicom.factories import data_element, make_instance
from tests.http.driver import Client
from tests.http.storing import store_file

_PDF, _CDA, _SR = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.104.2", "1.2.840.10008.5.1.4.1.1.88.11"


@pytest.mark.parametrize(
    ("sop_class", "media_type", "content"), [(_PDF, "application/pdf", b"%PDF-1.7 odd"[:11]), (_CDA, "text/xml", b"<ClinicalDocument/>")]
)
async def test_encapsulated_documents(client: Client, sop_class: str, media_type: str, content: bytes) -> None:
    elements = [
        data_element(0x00420011, "OB", content + b"\0" * (len(content) % 2)),
        data_element(0x00420015, "UL", len(content)),
    ]
    stored = await store_file(client, make_instance(SOPClassUID=sop_class, elements=elements))
    answer = await client.get(f"{stored.url}/rendered", media_type)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, media_type, content)
    assert (await client.get(f"{stored.url}/rendered", media_type, if_none_match=answer.headers["etag"])).status == 304
    part = await client.get(f"{stored.url}/rendered", media_type, Range="bytes=1-3")
    assert (part.status, part.body) == (206, content[1:4])
    for accept, status in ((None, 404), ("image/jpeg", 404), ("text/plain", 406)):
        assert (await client.get(f"{stored.url}/rendered", accept)).status == status


@pytest.mark.parametrize("name", ["test-SR.dcm", "reportsi.dcm"])
async def test_reports(client: Client, name: str) -> None:
    stored = await store_file(client, path(name).read_bytes())
    page = await client.get(f"{stored.url}/rendered", "text/html, application/xhtml+xml")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.text.startswith("<!DOCTYPE html>")
    assert page.text.count("<li>") == page.text.count("</li>") > 0
    plain = await client.get(f"{stored.url}/rendered", "text/plain")
    assert (plain.status, plain.headers["content-type"]) == (200, "text/plain; charset=utf-8")


async def test_text_of_reports_is_escaped_and_decoded(client: Client) -> None:
    report = make_instance(
        SOPClassUID=_SR,
        SpecificCharacterSet="ISO_IR 192",
        PatientName="Müller^Änne",
        ConceptNameCodeSequence=[{"CodeMeaning": "Findings"}],
        ContentSequence=[
            {"ConceptNameCodeSequence": [{"CodeMeaning": "Remark"}], "TextValue": "<script>alert(1)</script>\r\nsecond line"},
            {
                "ConceptNameCodeSequence": [{"CodeMeaning": "Length"}],
                "MeasuredValueSequence": [{"NumericValue": "12.5", "MeasurementUnitsCodeSequence": [{"CodeValue": "mm"}]}],
                "ContentSequence": [{"ConceptCodeSequence": [{"CodeMeaning": "Lung"}]}],
            },
        ],
    )
    stored = await store_file(client, report)
    page = (await client.get(f"{stored.url}/rendered", "text/html")).text
    assert "<script>" not in page
    assert "<h1>Findings</h1>" in page
    plain = (await client.get(f"{stored.url}/rendered", "text/plain")).text
    assert plain.splitlines() == [
        *("Findings", "", "Patient's Name: Müller^Änne", "Patient ID: P1", ""),
        *("Remark: <script>alert(1)</script>", "  second line", "Length: 12.5 mm", "  Lung"),
    ]


async def test_images_are_no_documents(client: Client) -> None:
    stored = await store_file(client, make_instance(rows=4, columns=4))
    assert (await client.get(f"{stored.url}/rendered", "text/html")).status == 406
    assert (await client.get(f"{stored.url}/rendered", "application/pdf, image/png")).headers["content-type"] == "image/png"
    empty = await store_file(client, make_instance(SOPClassUID=_PDF, instance="2.25.77"))
    assert (await client.get(f"{empty.url}/rendered", "application/pdf")).status == 404
