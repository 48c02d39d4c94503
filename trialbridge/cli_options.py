"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Machine output on standard output, nothing else.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (also the environment's NO_COLOR).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
FhirVersion = Annotated[
    str | None, typer.Option("--fhir-version", metavar="R4|R4B|R5", help="FHIR release. Default: R4, or as read.")
]


def _absolute(url: str | None) -> str | None:
    """An absolute address without the slash at its end: what stands under it must be one (FHIR R4 2.24.0.1, uri)."""
    if url is None:
        return None
    if not url.startswith(("http://", "https://", "urn:")):
        raise typer.BadParameter(f"{url!r} is no absolute address: give https://host/path, or urn:…")
    return url.rstrip("/")


BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        callback=_absolute,
        help="Where our identifier systems and extensions stand.",
    ),
]
SdtmVersion = Annotated[
    str | None, typer.Option("--version", "-v", metavar="3-3|3-4", help="SDTMIG version. Default: as read, or 3-4.")
]
Encoding = Annotated[
    str | None,
    typer.Option(
        "--encoding",
        metavar="NAME",
        help="Of text in XPT (default utf-8 to read, ascii to write) and in CSV that is not UTF-8: windows-1252, …",
    ),
]
StudySource = Annotated[Path, typer.Argument(metavar="STUDY", help="A file or folder of SDTM or FHIR, in any format.")]
StudyFile = Annotated[
    Path | None,
    typer.Option("--study-file", metavar="FILE", help="study.yaml: which records are the study's."),
]
