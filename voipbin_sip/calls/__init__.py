"""Call legs: from an INVITE to its end."""
