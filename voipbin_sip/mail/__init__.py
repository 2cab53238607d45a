"""Mail that flows send: built, queued and handed to the mail server of the configuration."""
