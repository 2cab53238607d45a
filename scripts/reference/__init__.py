"""The pages of docs/reference, each made of what the code says; written by scripts/documents.py."""
