"""Make a REDCap-style export of a small oncology project: data dictionary, flat and EAV records.

    python examples/redcap_oncology/generate.py -o DIR [--seed N] [--patients N]

Made after REDCap's documented export formats, for no public oncology project with its dictionary was found; every
patient is invented. Same seed, same bytes. `patients` gives the truth behind the files.
"""

from __future__ import annotations

import argparse
import csv
import sys
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

SEED, PATIENTS = 20240607, 12
SCREENING, WEEK6 = "screening_arm_1", "week_6_arm_1"
DICTIONARY_HEAD = (
    "Variable / Field Name,Form Name,Section Header,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Field Note,Text Validation Type OR Show Slider Number,'
    "Text Validation Min,Text Validation Max,Identifier?,Branching Logic (Show field only if...),Required Field?,"
    "Custom Alignment,Question Number (surveys only),Matrix Group Name,Matrix Ranking?,Field Annotation"
)
# field, form, type, label, choices, validation
FIELDS = (
    ("record_id", "demographics", "text", "Study number", "", ""),
    ("dob", "demographics", "text", "Date of birth", "", "date_ymd"),
    ("sex", "demographics", "radio", "Sex", "1, Male | 2, Female | -99, Unknown", ""),
    ("consent_date", "demographics", "text", "Date of informed consent", "", "date_ymd"),
    ("comorbidity", "demographics", "checkbox", "Other conditions", "1, Hypertension | 2, COPD | 3, Diabetes mellitus", ""),
    ("rt_site", "radiotherapy", "dropdown", "Irradiated organ", "lung, Lung | liver, Liver | bone, Bone", ""),
    ("rt_dose", "radiotherapy", "text", "Total dose (Gy)", "", "number"),
    ("rt_fractions", "radiotherapy", "text", "Fractions", "", "integer"),
    ("rt_start", "radiotherapy", "text", "First fraction", "", "date_ymd"),
    ("rt_end", "radiotherapy", "text", "Last fraction", "", "date_ymd"),
    ("weight", "examination", "text", "Weight (kg)", "", "number_1dp"),
    ("ecog", "examination", "radio", "ECOG performance status", "0, 0 | 1, 1 | 2, 2 | 3, 3 | NI, No information", ""),
    ("exam_date", "examination", "text", "Date of examination", "", "date_ymd"),
    ("ae_term", "adverse_event", "text", "Event", "", ""),
    ("ae_grade", "adverse_event", "radio", "Grade (CTCAE)", "1, Mild | 2, Moderate | 3, Severe | 4, Life-threatening | 5, Fatal", ""),
    ("ae_start", "adverse_event", "text", "Start", "", "date_ymd"),
    ("ae_ser", "adverse_event", "yesno", "Serious?", "", ""),
)  # fmt: skip
FORMS = ("demographics", "radiotherapy", "examination", "adverse_event")
EVENTS = ("Cough", "Fatigue", "Dermatitis radiation", "Nausea", "Pneumonitis", "Dyspnea")
HEAD = ("record_id", "redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")


def patients(seed: int = SEED, count: int = PATIENTS) -> list[dict[str, Any]]:
    """The truth: each patient's facts, dates as ISO texts, None where they are not known."""
    rng = Random(seed)
    return [_patient(rng, number) for number in range(1, count + 1)]


def _patient(rng: Random, number: int) -> dict[str, Any]:
    consent = date(2023, 1, 9) + timedelta(days=rng.randrange(300))
    start = consent + timedelta(days=rng.randrange(7, 21))
    fractions = rng.choice((1, 3, 5, 10))
    day = start + timedelta(days=fractions - 1)
    return {
        "number": f"{number:03d}",
        "sex": rng.choice(("1", "2", "1", "2", "-99")),
        "dob": date(1938 + rng.randrange(35), rng.randrange(1, 13), rng.randrange(1, 28)).isoformat(),
        "consent": consent.isoformat(),
        "comorbidity": [code for code in "123" if rng.random() < 0.35],
        "site": rng.choice(("lung", "liver", "bone")),
        "dose": rng.choice((20, 24, 30)),
        "fractions": fractions,
        "start": start.isoformat(),
        "end": day.isoformat(),
        "weights": [f"{rng.uniform(48, 101):.1f}", None if rng.random() < 0.2 else f"{rng.uniform(48, 101):.1f}"],
        "ecog": [rng.choice("012"), rng.choice(("0", "1", "2", "NI"))],
        "exams": [consent.isoformat(), (start + timedelta(days=42)).isoformat()],
        "events": [
            (term, rng.choice("1123"), (start + timedelta(days=rng.randrange(60))).isoformat(), rng.choice("0001"))
            for term in rng.sample(EVENTS, rng.randrange(4))
        ],
    }


def flat(people: list[dict[str, Any]]) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and rows of a flat export of raw codes."""
    columns = list(HEAD)
    for form in FORMS:
        for name, its, kind, _, choices, _ in FIELDS[1:]:
            if its == form:
                codes = [one.split(",")[0].strip() for one in choices.split("|")] if kind == "checkbox" else []
                columns += [f"{name}___{code}" for code in codes] or [name]
        columns.append(f"{form}_complete")
    rows = [row for one in people for row in _rows(one)]
    return columns, rows


def _rows(one: dict[str, Any]) -> list[dict[str, str]]:
    first = {"record_id": one["number"], "redcap_event_name": SCREENING, "sex": one["sex"], "dob": one["dob"]}
    first |= {"consent_date": one["consent"], "rt_site": one["site"], "rt_dose": str(one["dose"])}
    first |= {f"comorbidity___{code}": "1" if code in one["comorbidity"] else "0" for code in "123"}
    first |= {"rt_fractions": str(one["fractions"]), "rt_start": one["start"], "rt_end": one["end"]}
    first |= {"demographics_complete": "2", "radiotherapy_complete": "2"}
    second = {"record_id": one["number"], "redcap_event_name": WEEK6}
    for at, row in enumerate((first, second)):
        row |= {"weight": one["weights"][at] or "-99", "ecog": one["ecog"][at], "exam_date": one["exams"][at]}
        row["examination_complete"] = "2"
    repeats = [
        {
            "record_id": one["number"],
            "redcap_event_name": WEEK6,
            "redcap_repeat_instrument": "adverse_event",
            "redcap_repeat_instance": str(number),
            "ae_term": term,
            "ae_grade": grade,
            "ae_start": start,
            "ae_ser": serious,
            "adverse_event_complete": "2",
        }
        for number, (term, grade, start, serious) in enumerate(one["events"], 1)
    ]
    return [first, second, *repeats]


def write(folder: Path, seed: int = SEED, count: int = PATIENTS) -> None:
    """The three files: dictionary.csv, records.csv (flat), and eav/records.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "eav").mkdir(exist_ok=True)
    (folder / "flat").mkdir(exist_ok=True)
    lines = [DICTIONARY_HEAD]
    for name, form, kind, label, choices, validation in FIELDS:
        lines.append(",".join((name, form, "", kind, f'"{label}"', f'"{choices}"', "", validation, *[""] * 10)))
    for of in ("flat", "eav"):
        (folder / of / "dictionary.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    columns, rows = flat(patients(seed, count))
    with (folder / "flat" / "records.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with (folder / "eav" / "records.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("record", *HEAD[1:], "field_name", "value"))
        for row in rows:
            for name, value in row.items():
                if name in HEAD[1:] or not value:
                    continue
                field, _, code = name.partition("___")
                if code and value != "1":
                    continue
                writer.writerow((row["record_id"], *(row.get(one, "") for one in HEAD[1:]), field, code or value))


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make a REDCap-style oncology export.")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--seed", type=int, default=SEED, help="seed (%(default)s)")
    parser.add_argument("--patients", type=int, default=PATIENTS, help="patients (%(default)s)")
    asked = parser.parse_args(arguments)
    write(asked.output, asked.seed, asked.patients)
    print(f"{asked.patients} patients in {asked.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
