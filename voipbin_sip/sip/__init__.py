"""SIP without I/O: messages, transactions, dialogs and the INVITE session (RFC 3261 and extensions)."""
