"""A user's program with a mistake on each line marked `wrong`: mypy --strict must refuse exactly these."""

from __future__ import annotations

import trialbridge

study = trialbridge.read("study", kind="sdtm")
trialbridge.read("study", kind="xpt")  # wrong
trialbridge.read("study", kind="sdtm", release="R4")  # wrong
release = study.release  # wrong
trialbridge.to_fhir(42)  # wrong
trialbridge.to_fhir(study, version="3.4")  # wrong
trialbridge.to_sdtm(study)  # wrong
trialbridge.write(study, "out")  # wrong
trialbridge.diff(study)  # wrong
nothing = trialbridge.to_fhir(study).study.nothing  # wrong
trialbridge.nothing()  # wrong
