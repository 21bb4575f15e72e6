"""What the database itself says went wrong."""

from django.db import connection


def deadlocks() -> int:
    """How often the database ended a transaction because two waited for each other; SQLite has one writer at a time."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
