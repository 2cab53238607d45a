"""Looks at a machine and a configuration as one who knows would, and says what to do about what is wrong."""
