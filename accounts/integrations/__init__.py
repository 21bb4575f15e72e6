"""Integrations: the verbs on them and their keys, what is known of products, and the reading of keys that they publish."""

from accounts.integrations.keys import NewKey, add_keys, generate_key, remove_key
from accounts.integrations.reading import read_keys
from accounts.integrations.verbs import (
    IntegrationDraft,
    change_integration,
    create_integration,
    delete_integration,
)

__all__ = [
    "IntegrationDraft",
    "NewKey",
    "add_keys",
    "change_integration",
    "create_integration",
    "delete_integration",
    "generate_key",
    "read_keys",
    "remove_key",
]
