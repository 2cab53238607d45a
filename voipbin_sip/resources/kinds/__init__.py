"""The kinds of resources, each with VoIPBIN's field names (`spec` of its HTTP API)."""
