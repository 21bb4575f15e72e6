"""Sessions: one state machine, and the verbs that move it."""
