"""The toll guard: what may be dialled outside, by whom, and how much of it.

Stolen passwords and careless flows are turned into money by calling numbers that share their revenue with whoever
placed the call, at night, on all lines. `allowed` says where a call may go at all, `guard` how many, how fast and how
long.
"""
