"""The numeric laboratory criteria of CTCAE 4.0, 4.03 and 5.0, as data.

Source: National Cancer Institute, CTCAE v4.03 and v5.0, "Investigations", "Metabolism and nutrition disorders" and
"Blood and lymphatic system disorders"; tests by CDISC LBTESTCD (C65047). Limits in a unit are those CTCAE itself
gives in that unit; none is converted. Terms whose grades need more than a number (hyperglycemia and
hypophosphatemia of 5.0, acute kidney injury) are not here.

A limit is (grade, limit): the grade holds beyond the limit, above for high, below for low, up to the next one.
A limit of None is the laboratory's own limit, ULN for high and LLN for low.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["HIGH", "LOW"]
Steps = tuple[tuple[int, float | None], ...]


@dataclass(frozen=True, slots=True)
class Criterion:
    """The criteria of one term for one test.

    `multiples`: steps as multiples of ULN (high) or LLN (low). `absolute`: unit -> steps in that unit.
    `of_baseline`: steps as multiples of the baseline value, used instead of `multiples` when the baseline was
    abnormal (`baseline_when` "abnormal", 5.0) or besides them, the worse counting ("always", creatinine).
    `least_included`: the first baseline step holds at its limit too ("1.5 - 3.0 x baseline").
    `excess`: unit -> steps as the excess over ULN, or over the baseline if that is above ULN (`excess_of_baseline`).
    `fasting_below`: grades below this one ask for a fasting sample. `note`: what the number alone does not decide.
    """

    term: str
    tests: tuple[str, ...]
    direction: Direction
    multiples: Steps = ()
    absolute: Mapping[str, Steps] = field(default_factory=dict)
    of_baseline: Steps = ()
    baseline_when: Literal["never", "abnormal", "always"] = "never"
    least_included: bool = False
    excess: Mapping[str, Steps] = field(default_factory=dict)
    excess_of_baseline: bool = False
    fasting_below: int = 0
    corrected: bool = False
    note: str = ""


def _grades(*limits: float | None) -> Steps:
    """Grades 1, 2, 3 … in order."""
    return tuple(enumerate(limits, 1))


def _cells(name: str, test: str, limits: tuple[float, ...]) -> Criterion:
    """A count that falls: in 10^9/L and in 10^6/L (the same as /mm3)."""
    small = tuple(limit * 1000 for limit in limits)
    steps = {"10^9/L": _grades(None, *limits), "10^6/L": _grades(None, *small)}
    return Criterion(name, (test,), "LOW", absolute=steps)


_ALT, _AST, _ALP, _GGT = (
    "Alanine aminotransferase increased",
    "Aspartate aminotransferase increased",
    "Alkaline phosphatase increased",
    "GGT increased",
)
_CALCIUM = ("CA", "CACR", "CACRALB")
_SYMPTOMS = "with signs or symptoms one grade higher"

_SAME: tuple[Criterion, ...] = (
    Criterion("Activated partial thromboplastin time prolonged", ("APTT",), "HIGH", _grades(1, 1.5, 2.5)),
    Criterion("CPK increased", ("CK",), "HIGH", _grades(1, 2.5, 5, 10)),
    Criterion(
        "Anemia",
        ("HGB",),
        "LOW",
        absolute={
            "g/L": _grades(None, 100, 80),
            "g/dL": _grades(None, 10, 8),
            "mmol/L": _grades(None, 6.2, 4.9),
        },
        note="grade 4 is clinical",
    ),
    _cells("White blood cell decreased", "WBC", (3.0, 2.0, 1.0)),
    _cells("Neutrophil count decreased", "NEUT", (1.5, 1.0, 0.5)),
    _cells("Lymphocyte count decreased", "LYM", (0.8, 0.5, 0.2)),
    _cells("Platelet count decreased", "PLAT", (75.0, 50.0, 25.0)),
    Criterion(
        "Lymphocyte count increased",
        ("LYM",),
        "HIGH",
        absolute={"10^9/L": ((2, 4.0), (3, 20.0)), "10^6/L": ((2, 4000.0), (3, 20000.0))},
    ),
    Criterion("Leukocytosis", ("WBC",), "HIGH", absolute={"10^9/L": ((3, 100.0),), "10^6/L": ((3, 100000.0),)}),
    Criterion("Haptoglobin decreased", ("HAPTOG",), "LOW", ((1, 1.0),)),
    Criterion(
        "Cholesterol high",
        ("CHOL",),
        "HIGH",
        absolute={"mmol/L": _grades(None, 7.75, 10.34, 12.92), "mg/dL": _grades(None, 300, 400, 500)},
    ),
    Criterion("Hyperkalemia", ("K",), "HIGH", absolute={"mmol/L": _grades(None, 5.5, 6.0, 7.0)}),
    Criterion(
        "Hypokalemia",
        ("K",),
        "LOW",
        absolute={"mmol/L": ((1, None), (3, 3.0), (4, 2.5))},
        note="grade 1 is grade 2 when symptomatic or treated",
    ),
    Criterion("Hypernatremia", ("SODIUM",), "HIGH", absolute={"mmol/L": _grades(None, 150, 155, 160)}),
    Criterion(
        "Hypercalcemia",
        _CALCIUM,
        "HIGH",
        absolute={"mmol/L": _grades(None, 2.9, 3.1, 3.4), "mg/dL": _grades(None, 11.5, 12.5, 13.5)},
        corrected=True,
    ),
    Criterion(
        "Hypocalcemia",
        _CALCIUM,
        "LOW",
        absolute={"mmol/L": _grades(None, 2.0, 1.75, 1.5), "mg/dL": _grades(None, 8.0, 7.0, 6.0)},
        corrected=True,
    ),
    Criterion("Hypercalcemia", ("CAION",), "HIGH", absolute={"mmol/L": _grades(None, 1.5, 1.6, 1.8)}),
    Criterion("Hypocalcemia", ("CAION",), "LOW", absolute={"mmol/L": _grades(None, 1.0, 0.9, 0.8)}),
    Criterion(
        "Hypoglycemia",
        ("GLUC",),
        "LOW",
        absolute={"mmol/L": _grades(None, 3.0, 2.2, 1.7), "mg/dL": _grades(None, 55, 40, 30)},
    ),
    Criterion(
        "Hypoalbuminemia",
        ("ALB",),
        "LOW",
        absolute={"g/L": _grades(None, 30, 20), "g/dL": _grades(None, 3, 2)},
        note="grade 4 is clinical",
    ),
    Criterion(
        "Hypermagnesemia",
        ("MG",),
        "HIGH",
        absolute={"mmol/L": ((1, None), (3, 1.23), (4, 3.30)), "mg/dL": ((1, None), (3, 3.0), (4, 8.0))},
    ),
    Criterion(
        "Hypomagnesemia",
        ("MG",),
        "LOW",
        absolute={"mmol/L": _grades(None, 0.5, 0.4, 0.3), "mg/dL": _grades(None, 1.2, 0.9, 0.7)},
    ),
    Criterion(
        "Fibrinogen decreased",
        ("FIBRINO",),
        "LOW",
        _grades(1.0, 0.75, 0.5, 0.25),
        note="by the limit of normal only, not by the fall from baseline",
    ),
)

_FOUR: tuple[Criterion, ...] = (
    Criterion(_ALT, ("ALT",), "HIGH", _grades(1, 3, 5, 20)),
    Criterion(_AST, ("AST",), "HIGH", _grades(1, 3, 5, 20)),
    Criterion(_ALP, ("ALP",), "HIGH", _grades(1, 2.5, 5, 20)),
    Criterion(_GGT, ("GGT",), "HIGH", _grades(1, 2.5, 5, 20)),
    Criterion("Blood bilirubin increased", ("BILI",), "HIGH", _grades(1, 1.5, 3, 10)),
    Criterion(
        "Creatinine increased",
        ("CREAT",),
        "HIGH",
        _grades(1, 1.5, 3, 6),
        of_baseline=_grades(1, 1.5, 3),
        baseline_when="always",
    ),
    Criterion("Lipase increased", ("LIPASET",), "HIGH", _grades(1, 1.5, 2, 5)),
    Criterion("Serum amylase increased", ("AMYLASE",), "HIGH", _grades(1, 1.5, 2, 5)),
    Criterion("INR increased", ("INR",), "HIGH", _grades(1, 1.5, 2.5), note="not as if on anticoagulation"),
    Criterion(
        "Hemoglobin increased",
        ("HGB",),
        "HIGH",
        excess={"g/dL": _grades(0, 2, 4), "g/L": _grades(0, 20, 40)},
        excess_of_baseline=True,
    ),
    Criterion(
        "Hyperglycemia",
        ("GLUC",),
        "HIGH",
        absolute={"mmol/L": _grades(None, 8.9, 13.9, 27.8), "mg/dL": _grades(None, 160, 250, 500)},
        fasting_below=3,
    ),
    Criterion("Hyponatremia", ("SODIUM",), "LOW", absolute={"mmol/L": ((1, None), (3, 130), (4, 120))}),
    Criterion(
        "Hypophosphatemia",
        ("PHOS",),
        "LOW",
        absolute={"mmol/L": _grades(None, 0.8, 0.6, 0.3), "mg/dL": _grades(None, 2.5, 2.0, 1.0)},
    ),
    Criterion(
        "Hyperuricemia",
        ("URATE",),
        "HIGH",
        absolute={"mmol/L": ((1, None), (4, 0.59)), "umol/L": ((1, None), (4, 590)), "mg/dL": ((1, None), (4, 10))},
        note="grade 1 is grade 3 with physiologic consequences",
    ),
)

_FIVE: tuple[Criterion, ...] = (
    *(
        Criterion(
            term,
            (test,),
            "HIGH",
            multiples,
            of_baseline=of_baseline,
            baseline_when="abnormal",
            least_included=least_included,
        )
        for term, test, multiples, of_baseline, least_included in (
            (_ALT, "ALT", _grades(1, 3, 5, 20), _grades(1.5, 3, 5, 20), True),
            (_AST, "AST", _grades(1, 3, 5, 20), _grades(1.5, 3, 5, 20), True),
            (_ALP, "ALP", _grades(1, 2.5, 5, 20), _grades(2, 2.5, 5, 20), True),
            (_GGT, "GGT", _grades(1, 2.5, 5, 20), _grades(2, 2.5, 5, 20), True),
            ("Blood bilirubin increased", "BILI", _grades(1, 1.5, 3, 10), _grades(1, 1.5, 3, 10), False),
        )
    ),
    Criterion(
        "Creatinine increased",
        ("CREAT",),
        "HIGH",
        _grades(1, 1.5, 3, 6),
        of_baseline=((2, 1.5), (3, 3)),
        baseline_when="always",
    ),
    Criterion("Lipase increased", ("LIPASET",), "HIGH", ((1, 1), (2, 1.5), (3, 5)), note=f"above 2 x ULN {_SYMPTOMS}"),
    Criterion(
        "Serum amylase increased", ("AMYLASE",), "HIGH", ((1, 1), (2, 1.5), (3, 5)), note=f"above 2 x ULN {_SYMPTOMS}"
    ),
    Criterion(
        "INR increased",
        ("INR",),
        "HIGH",
        absolute={"": _grades(1.2, 1.5, 2.5)},
        note="not as if on anticoagulation",
    ),
    Criterion("Hemoglobin increased", ("HGB",), "HIGH", excess={"g/dL": _grades(0, 2, 4), "g/L": _grades(0, 20, 40)}),
    Criterion(
        "Hyponatremia",
        ("SODIUM",),
        "LOW",
        absolute={"mmol/L": ((1, None), (2, 130), (3, 125), (4, 120))},
        note="grade 2 is grade 3 when symptomatic",
    ),
    Criterion("Hyperuricemia", ("URATE",), "HIGH", ((1, 1),), note="grade 1 is grade 3 with physiologic consequences"),
    Criterion("Blood lactate dehydrogenase increased", ("LDH",), "HIGH", ((1, 1),)),
    Criterion("Blood bicarbonate decreased", ("BICARB",), "LOW", ((1, 1),)),
    Criterion("Thyroid stimulating hormone increased", ("TSH",), "HIGH", ((1, 1),)),
)

CRITERIA: Mapping[str, tuple[Criterion, ...]] = MappingProxyType(
    {"4.0": _SAME + _FOUR, "4.03": _SAME + _FOUR, "5.0": _SAME + _FIVE}
)
"""Version -> its criteria."""

UNITS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("10^9/L", "10^3/uL", "10^3/mm3", "G/L", "GI/L", "K/uL", "10E9/L", "x10^9/L"), "10^9/L"),
        **dict.fromkeys(("10^6/L", "/mm3", "/uL", "1/mm3", "1/uL", "cells/uL", "cells/mm3"), "10^6/L"),
        **dict.fromkeys(("mmol/L", "mEq/L"), "mmol/L"),
        "kg/m3": "g/L",
        "RATIO": "",
        "1": "",
        "INR": "",
    }
)
"""Other spellings of a unit -> that of the criteria. mEq/L only for the ions of one charge (sodium, potassium)."""
SINGLY_CHARGED = frozenset(("SODIUM", "K"))
