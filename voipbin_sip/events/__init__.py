"""What happened, for webhooks, websockets and timelines."""
