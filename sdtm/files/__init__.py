"""SDTM files: each format a `read` and a `write` on a Study."""
