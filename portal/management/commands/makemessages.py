"""`manage.py makemessages`: Django's own, which also knows our second name for lazy strings and writes without line numbers."""

from typing import Any

from django.core.management.commands import makemessages


class Command(makemessages.Command):
    """Brings locale/*/LC_MESSAGES/django.po up to date with the code."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=__"]

    def handle(self, *args: Any, **options: Any) -> None:
        """Every language that is there, the same file on every machine."""
        ours = {"no_location": True, "no_wrap": True, "no_obsolete": True}
        ours["all"] = not options["locale"]
        options["ignore_patterns"] = [*options["ignore_patterns"], ".venv", "node_modules", "tests", "var"]
        super().handle(*args, **options | ours)
