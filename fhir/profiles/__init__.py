"""Profiles: StructureDefinitions from FHIR packages, and the validation of resources against them."""
