"""The study file: what it says, and each mistake with its line."""

from __future__ import annotations

import pytest

from trialbridge.base.errors import UnreadableInputError
from trialbridge.study_file.load import load

GOOD = """study: {id: S1}
sources:
  patients: {table: Patients, keys: [Patient]}
codes:
  SEX: {M: Man, F: [Vrouw, vrouwelijk]}
domains:
  - domain: DM
    from: patients
    when: "[Patient] is given"
    variables:
      SUBJID: Patient
      DMDTC: {date: {year: Year, month: Month}}
      COUNTRY: "'NLD'"
      SEX: {assign_ct: Sex, codes: SEX}
"""


def read(tmp_path, text):
    """The study file of that text."""
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return load(path)


def test_a_good_one(tmp_path):
    """Short forms would not be what they stand for."""
    found = read(tmp_path, GOOD).domains[0]
    assert found.variables["SUBJID"].assign == "Patient"
    assert found.variables["COUNTRY"].hardcode == "NLD"
    assert found.variables["DMDTC"].columns() == ("Year", "Month")
    assert read(tmp_path, GOOD).codes["SEX"].root["F"].write == "Vrouw"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("SUBJID: Patient", "SUBJID: {assign: Patient, hardcode: X}", 11, "assign and hardcode"),
        ("SUBJID: Patient", "SUBJID: {asign: Patient}", 11, "asign"),
        ("from: patients", "from: patient", 8, "patient"),
        ("codes: SEX}", "codes: SEXE}", 14, "SEXE"),
        ("F: [Vrouw, vrouwelijk]", "F: [Vrouw, man]", 5, "stands for both"),
        ("M: Man, F", "M: Man, no", 5, "quotes"),
        ("is given", "is gven", 9, "cannot be read"),
        ("year: Year, ", "", 12, "begins with a year"),
        ("domain: DM", "domain: dm", 7, "pattern"),
        ("study: {id: S1}", "study: {}", 1, "study.id"),
        ("variables:\n", "variables:\n\t", 11, "YAML"),
        ("SUBJID: Patient", "RFENDTC: {derive: latest, of: [EX.EXENDTC]}", 11, "EX"),
        ("study: {id: S1}", "study: {id: S1}\nreading: {yes_words: [yes]}", 2, "quotes"),
    ],
)
def test_mistakes_are_told_with_their_line(tmp_path, old, new, line, says):
    """A mistake would pass, or be told without the place to mend."""
    with pytest.raises(UnreadableInputError) as error:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert error.value.where.line == line
    assert says in str(error.value)


def test_missing_data_codes_may_be_numbers(tmp_path):
    """`missing: [-99]`, as everybody writes it, would be refused."""
    assert read(tmp_path, GOOD + "reading: {missing: [-99, NI]}\n").reading.missing == ("-99", "NI")
