"""Sockets for SIP: UDP, TCP and TLS."""
