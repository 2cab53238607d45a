"""HTTP requests that leave the server: guarded, bounded, and never waited for by a call that goes on."""
