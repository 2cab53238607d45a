"""Recordings of calls and rooms: what is recorded, where the files lie, and what becomes of them."""
