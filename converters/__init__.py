"""The only interpreter: compiles the lines of the dictionary and runs them over a study."""
