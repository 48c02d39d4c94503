"""FHIR files: NDJSON folders, Bundles and XML, each read and written."""
