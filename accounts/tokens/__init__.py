"""Access and refresh tokens: the only place that speaks JWT."""
