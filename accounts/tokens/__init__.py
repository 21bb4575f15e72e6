"""Access and refresh tokens, and API keys: the only place that speaks JWT."""
