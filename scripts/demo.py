"""Stores some of the images that come with pydicom in a running service, and prints URLs to look at."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from pydicom import dcmread
from pydicom.data import get_testdata_file

FILES = ("CT_small.dcm", "JPEG2000.dcm", "examples_palette.dcm", "examples_ybr_color.dcm", "rtplan.dcm", "waveform_ecg.dcm")
BOUNDARY = "demo-part"


def main(service: str) -> int:
    """Store the files in one request, then say where they are."""
    paths = [Path(str(found)) for name in FILES if (found := get_testdata_file(name, download=False))]
    request = urllib.request.Request(
        f"{service}/v2/studies",
        data=_multipart(paths),
        headers={"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}', "Accept": "application/dicom+json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            answer, status = json.load(response), response.status
    except urllib.error.HTTPError as error:
        if error.code != 409:  # stored by an earlier run
            print(f"The service answered {error.code}: {error.read().decode(errors='replace')}", file=sys.stderr)
            return 1
        answer, status = json.load(error), error.code
    except urllib.error.URLError as error:
        print(f"No service at {service} ({error.reason}). Start it with: make run", file=sys.stderr)
        return 1
    stored, failed = (answer.get(tag, {}).get("Value", []) for tag in ("00081199", "00081198"))
    warned = sum("00081196" in item for item in stored)
    print(
        f"{status}: {len(stored)} of {len(paths)} files stored"
        + (f", {warned} with warnings about values" if warned else "")
        + (f", {len(failed)} refused (there already?)" if failed else "")
    )
    _print_urls(service, paths[0])
    return 0


def _multipart(paths: list[Path]) -> bytes:
    parts = (f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + path.read_bytes() + b"\r\n" for path in paths)
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _print_urls(service: str, path: Path) -> None:
    header = dcmread(path, stop_before_pixels=True)
    study = f"{service}/v2/studies/{header.StudyInstanceUID}"
    print("\nAll studies:           ", f"{service}/v2/studies")
    print("Studies of one patient:", f"{service}/v2/studies?PatientID={header.PatientID}")
    print("Metadata of a study:   ", f"{study}/metadata")
    instance = f"{study}/series/{header.SeriesInstanceUID}/instances/{header.SOPInstanceUID}"
    print("A picture of it:       ", f"{instance}/rendered")
    print("Every resource:        ", f"{service}/docs")
    print("One file:              ", instance)
    print("\nDownload that file:  curl -H 'Accept: application/dicom' -O <the last URL>")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
