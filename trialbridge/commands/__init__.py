"""The commands behind `trialbridge …`: one module each, with `run`, which gives the exit code."""
