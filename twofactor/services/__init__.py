"""The verbs of the second factor."""
