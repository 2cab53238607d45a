"""What should happen in a call: flow model, loader, checks, variables and the interpreter."""
