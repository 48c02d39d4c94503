"""Write the study file's JSON Schema: `docs/study-file.schema.json`. With --check, say whether it is up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from trialbridge.fhir.jsontext import pretty
from trialbridge.study_file.schema import schema

TARGET = Path(__file__).with_name("study-file.schema.json")


def main() -> int:
    """Write, or check: 1 where the file is not what it should be."""
    made = pretty(schema())
    if "--check" in sys.argv[1:]:
        if TARGET.exists() and TARGET.read_bytes() == made:
            return 0
        print(f"{TARGET.name} is not up to date: run python docs/make_schema.py")
        return 1
    TARGET.write_bytes(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
