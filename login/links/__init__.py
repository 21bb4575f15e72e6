"""Links that begin an attempt."""
