"""The dictionary between the languages: one file a domain, one line a variable."""
