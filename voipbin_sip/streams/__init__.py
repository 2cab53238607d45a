"""Sound of calls and rooms for programs elsewhere, and theirs for the call: RTP, AudioSocket, WebSocket, TCP."""
