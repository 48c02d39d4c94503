"""Language 3: trial registries."""
