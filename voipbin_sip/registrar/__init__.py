"""Where phones are: REGISTER, the bindings it makes, and keeping the way to them open."""
