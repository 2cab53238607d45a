"""Faults that are planted into a real server, and the page that says which command names each."""
