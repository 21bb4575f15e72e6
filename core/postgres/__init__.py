"""Django's PostgreSQL engine, with a question about a kept connection that costs no round trip."""
