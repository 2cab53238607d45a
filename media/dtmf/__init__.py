"""Digits: RFC 4733 telephone events, and DTMF tones in the sound (ITU-T Q.23, Q.24), both ways."""

DIGITS = "0123456789*#ABCD"
"""The sixteen DTMF digits in the order of the RFC 4733 event codes 0-15."""
