"""What the platform knows by id: flows, calls, agents …, each an immutable value that the HTTP API shows."""
