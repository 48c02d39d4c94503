"""The file formats of registries: API v2 JSON, the older public XML, PRS upload XML, EudraCT adverse event XML."""
