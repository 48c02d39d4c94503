"""FA, findings about events or interventions: Observations whose focus is what they are about (FAOBJ).

Source: SDTMIG 3.4 section 6.4 (findings about); FHIR Observation.focus.
"""

from __future__ import annotations

from trialbridge.mappings.kit import line
from trialbridge.mappings.observed import findings
from trialbridge.mappings.spellings import TEXT

FA = findings(
    "FA",
    extra_lines=(line("FAOBJ", "Observation.focus[0].display", TEXT, note="the event or intervention by its name"),),
)
