"""The served product in a real browser."""
