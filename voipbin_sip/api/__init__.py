"""The HTTP API `/v1.0`: a client written for VoIPBIN's works here unchanged."""
