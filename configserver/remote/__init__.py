"""A Configuration Server on another machine, as the portal asks it: its client, and what both sides say over the wire."""
