"""Exchange with FHIR servers: search, bulk export, transactions, and the proof of what was sent."""
