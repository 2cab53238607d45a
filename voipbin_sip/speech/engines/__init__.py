"""The speech engines. Only child processes import their modules; the server knows them from `catalogue`."""
