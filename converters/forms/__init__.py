"""A centre's own forms to SDTM and back: the lines of a study file, compiled and run."""
