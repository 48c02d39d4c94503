"""DD, death details: Observations whose code is the cause or the circumstance of death.

Source: SDTMIG 3.4, DD; LOINC 69453-9, the cause of death on a US death certificate (read as the primary cause).
"""

from __future__ import annotations

from trialbridge.mappings.concepts import in_codelist
from trialbridge.mappings.names import LOINC
from trialbridge.mappings.observed import findings
from trialbridge.mappings.route import has_code

CERTIFIED = (LOINC, "69453-9")
TEST = in_codelist("detail of death", "C116108", aliases={CERTIFIED: "PRCDTH"}, text=False)
DD = findings("DD", TEST, codelist="DTHDXCD", when=lambda resource: has_code(resource, "C116108", CERTIFIED))
