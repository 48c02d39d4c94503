"""The JSON Schema of the study file, as published in docs/study-file.schema.json."""

from __future__ import annotations

from typing import Any

from trialbridge.study_file.model import StudyFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema, for editors that check YAML as it is written. What a line means in short is part of it."""
    made = StudyFile.model_json_schema()
    for name, short in SHORT.items():
        if name in made["$defs"]:
            made["$defs"][name] = {"anyOf": [*short, made["$defs"][name]]}
    return {"$schema": DIALECT, "title": "trialbridge study file", **{k: v for k, v in made.items() if k != "title"}}


SHORT: dict[str, list[dict[str, Any]]] = {
    "VariableLine": [{"type": "string", "description": "A column's name, or a text in single quotes."}],
    "Part": [{"type": "string", "description": "A column's name, or a text in single quotes."}],
    "Texts": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}}],
}
