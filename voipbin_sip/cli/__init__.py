"""The voipbin-sip command."""
