"""A seeded, synthetic cohort of trial NCT03406468 "Re-Induction" in SDTM. No row describes a real person."""
