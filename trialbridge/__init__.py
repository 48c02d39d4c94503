"""trialbridge: a clinical trial in FHIR, SDTM and the registry, carried without loss."""
