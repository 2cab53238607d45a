"""What operators see of a running server: reloads, metrics, health, call detail records, the SIP of each call."""
