"""What operators see in a terminal: a table of calls, and the page of one."""
