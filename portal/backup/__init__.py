"""Backup and restore: one archive with the whole database in it, and what must not live again once it is put back."""
