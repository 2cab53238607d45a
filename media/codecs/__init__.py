"""Codecs of the media engine: G.711 as tables for whole arrays, G.722 as one state object per leg."""
