"""Writes registry/data/v2-fields.tsv from the OpenAPI description of the ClinicalTrials.gov API v2.

    python -P docs/make_registry_data.py ctgov-api-v2.openapi.yaml

Only facts are taken: the path of each field of a study, its type, and the name of its enumeration. A path is written
with `[]` after a list.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

HEAD = """\
# Fields of a study as the ClinicalTrials.gov API v2 gives it: path, type, enumeration. `[]` follows a list.
# Origin: OpenAPI description of the API, version {version} (a work of the US National Library of Medicine); facts only.
# Made by docs/make_registry_data.py.
"""
TARGET = Path(__file__).parent.parent / "registry" / "data" / "v2-fields.tsv"


def rows(schemas: dict[str, Any], schema: dict[str, Any], path: str) -> list[tuple[str, str, str]]:
    """The fields below a schema, depth first, in the order of the description."""
    name = schema.get("$ref", "").rpartition("/")[2]
    if name:
        schema = schemas[name]
    kind = schema.get("type", "object")
    if kind == "object":
        here = [(path, "object", "")] if path else []
        for key, child in schema.get("properties", {}).items():
            here += rows(schemas, child, f"{path}.{key}" if path else key)
        return here
    if kind == "array":
        return [(path, "array", ""), *rows(schemas, schema["items"], path + "[]")]
    if "enum" in schema:
        return [(path, "enum", name)]
    if name in {"PartialDate", "DateTimeMinutes"}:
        return [(path, name, "")]
    return [(path, schema.get("format", kind) if kind == "string" else kind, "")]


def main(source: Path) -> None:
    """Write the table."""
    description = yaml.safe_load(source.read_text(encoding="utf-8"))
    schemas = description["components"]["schemas"]
    found = rows(schemas, schemas["Study"], "")
    text = HEAD.format(version=description["info"]["version"])
    text += "".join("\t".join(row).rstrip("\t") + "\n" for row in found)
    TARGET.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
