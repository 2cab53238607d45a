"""Sounds that flows play: files, URLs and spoken texts as clips in the media engine's bank."""
