"""Where resources meet running calls: what the API shows of them, and what it does to them."""
