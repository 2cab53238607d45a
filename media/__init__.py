"""Sound: RTP, codecs, jitter, mixing and playout for all call legs, in a worker process of its own."""
