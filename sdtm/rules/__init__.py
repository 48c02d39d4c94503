"""Rules of SDTM as generator functions, by theme. Each docstring is the rule in our words with its source."""
