"""Text to speech: engines, normalisation, cache."""
