"""Language 1: CDISC SDTM. Tables of a study, their metadata, terminology, dates and files."""
