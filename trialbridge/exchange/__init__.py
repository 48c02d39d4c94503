"""Exchange of a study with FHIR servers: pull, push, stay in step. What knows both servers and mappings."""
