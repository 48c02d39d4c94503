"""Define-XML 2.1 (2.0 is read): the metadata of a study as a submission wants it."""
