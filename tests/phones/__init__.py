"""End to end with real phones: each test module starts one server on the loopback address and calls it.

`server.py` configures and runs the server; `pjsua.py`, `baresip.py`, `linphone.py`, `pyvoip.py` and `sipp.py` run a
phone each, as a process of its own (`child.py`); `wire.py` is a caller made by hand for what no phone does.
`wire_peer.py` says and hears single messages, for races and faults. Phones record what they hear; the flows play tones
of different frequency (`prompts.py`), and `sound.py` finds in a recording which of them were heard. Calls of minutes
(`long_calls.py`) run beside all other tests and are judged last. scripts/phones.sh brings the phones; without one its
tests are skipped.
"""
