"""What would happen to a call, and by which rule, asked without placing it.

The server's own parts decide (`calls.admission`, `calls.dialplan`, `calls.routing`, `toll`); here they are asked, and
what they say is put into words, with the file and line of each rule. Nothing is sent and nothing is counted.
"""
