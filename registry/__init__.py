"""Language 3: trial registries. The canonical content is the study JSON of the ClinicalTrials.gov API v2."""
