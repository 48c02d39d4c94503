"""Exchange with FHIR servers: search, bulk export, transactions, and what lets us in.

What is here knows FHIR's HTTP (https://hl7.org/fhir/R4/http.html) and nothing of studies or mappings.
"""
