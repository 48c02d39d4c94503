"""Section `records`: which of a hospital's records are the study's, and where they go.

SDTM keeps study treatment (EX, EC) apart from other medicines (CM), and history (MH) from what came later; a hospital's
export does not. What the protocol says of it stands here.
Source: SDTMIG 3.4 sections 6.1.2 (CM), 6.1.3 (EX and EC), 6.2.7 (MH), 5.2 (DM: RFSTDTC, RFXSTDTC).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from trialbridge.study_file.section import Section

Match = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
"""A name that stands in the text or a display, in any case; or `system|code`, an exact coding."""


class History(Section):
    """Which conditions are medical history (MH); the others give no record and stay in the residue."""

    include: tuple[Match, ...] = Field(default=(), description="Only these; empty means all.")
    exclude: tuple[Match, ...] = Field(default=(), description="Never these.")
    begun: Literal["any", "before-consent", "before-treatment"] = Field(
        default="any",
        description="Only conditions that began before the day of consent (RFICDTC) or of the reference date (RFSTDTC); "
        "one without a complete date of onset is kept.",
    )


class Records(Section):
    """Which records are the study's."""

    treatments: tuple[Match, ...] | None = Field(
        default=None,
        description="The medicines given as study treatment: EX, and EC where they were not given. All others are CM. "
        "Left out: every administration is study treatment, every statement is CM.",
    )
    concomitant: tuple[Literal["MedicationStatement", "MedicationRequest", "MedicationDispense"], ...] = Field(
        default=("MedicationStatement",),
        description="Where medicines beside the treatment are read. A request or a dispense is no proof of intake.",
    )
    radiotherapy: Literal["PR", "PR+EX"] = Field(
        default="PR", description="PR+EX: radiotherapy is study treatment, and each course gives an EX record too."
    )
    history: History = History()
    reference_start: Literal["collected", "first-exposure", "first-radiotherapy"] = Field(
        default="collected",
        description="What RFSTDTC is where the source has none: nothing, RFXSTDTC, or the first PR course.",
    )
