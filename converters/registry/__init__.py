"""A registry record to FHIR and SDTM and back, and a registry's results from a study's data."""
