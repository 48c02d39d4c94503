"""A REDCap-style oncology export, made by a seeded script."""
