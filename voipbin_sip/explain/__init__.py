"""What would happen to a call, and by which rule, asked without placing it."""
