"""The only place that wires: every part is made here and told of the others."""
