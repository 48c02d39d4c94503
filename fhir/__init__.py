"""Language 2: HL7 FHIR. Resources as plain JSON, paths into them, releases, bundles and files."""
