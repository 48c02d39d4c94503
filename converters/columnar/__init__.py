"""FHIR to SDTM by columns: what an export says again and again is read once.

Nearly every element of a bulk export stands in it many times, byte for byte: the same code, unit, subject, visit. So a
line is split at its top, each element is looked up by its bytes, and only what was not seen before is decoded and read
by the compiled lines of the dictionary (`members`). A row is then some small numbers, and a dataset some columns of
them (`columns`); what is carried and what is derived is worked out once for each combination that occurs (`rows`). The
rows of a shard are ordered and laid down as Arrow (`frames`).

The functions that read are those of a study in memory. Whatever is out of the ordinary (a line that is no plain object,
a contained resource, a duplicate id, a record entered in error, an element of the wrong shape) goes their way as a whole.
"""
