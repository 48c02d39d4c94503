"""What a messy text says: a value, or a doubt that a person must settle; never a guess."""
