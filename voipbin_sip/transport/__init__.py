"""Sockets for SIP: UDP and TCP."""
