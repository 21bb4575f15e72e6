"""What the pages of a directory show of its imports."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext

from configserver.models import Directory, Import, ImportState
from configserver.services import summary_of
from configserver.sync import Action, Why
from core.admin_pages import Panel, Words, badge, two_lines, when

SHOWN, RECENT = 50, 10
TONES: Mapping[str, str] = {
    ImportState.PLANNED: "",
    ImportState.STOPPED: "warning",
    ImportState.APPLYING: "warning",
    ImportState.DONE: "ok",
    ImportState.OUTDATED: "",
    ImportState.FAILED: "danger",
}
TITLES: Mapping[Action, Words] = {
    Action.CREATE: __("New"),
    Action.CHANGE: __("Changed"),
    Action.OFF: __("Gone from the directory: switched off"),
    Action.CONFLICT: __("Left alone"),
}
REASONS: Mapping[str, Words] = {
    Why.NO_ID: __("The entry has no id."),
    Why.NO_NAME: __("The entry has no user name."),
    Why.NAME_TAKEN: __("Somebody else has this user name or id."),
    Why.TWICE: __("Another entry has the same user name or id."),
}
FIELDS: Mapping[str, Words] = {
    "name": __("user name"),
    "display_name": __("name"),
    "email": __("e-mail"),
    "phone": __("phone"),
    "is_active": __("active"),
}


def _state(run: Import) -> str:
    return badge(run.get_state_display(), tone=TONES.get(run.state, ""))


def _numbers(run: Import) -> str:
    found = summary_of(run)
    parts = [
        ngettext("%(number)s read", "%(number)s read", found.read) % {"number": found.read},
        _("%(number)s new") % {"number": found.created},
        _("%(number)s changed") % {"number": found.changed},
        _("%(number)s gone") % {"number": found.off},
        _("%(number)s left alone") % {"number": found.conflicts},
    ]
    return ", ".join(parts)


def imports_of(directory: Directory) -> Panel:
    """The last imports of this directory."""
    return Panel(
        title=_("Imports"),
        headers=(_("Began"), _("State"), _("People")),
        rows=[
            (when(run.began_at), two_lines(_state(run), run.reason), _numbers(run))
            for run in directory.imports.all()[:RECENT]
        ],
        empty=_("None yet."),
        stacked=True,
    )


def import_panels(run: Import) -> list[Panel]:
    """How an import stands, and what it does about whom."""
    rows = [(two_lines(_state(run), run.reason), _numbers(run))]
    return [
        Panel(title=_("Import"), headers=(_("State"), _("People")), rows=rows, empty="", stacked=True),
        *_differences(run),
    ]


def _differences(run: Import) -> list[Panel]:
    found = []
    for action, title in TITLES.items():
        steps = list(run.steps.filter(action=action.value)[: SHOWN + 1])
        if not steps:
            continue
        rows = []
        for step in steps[:SHOWN]:
            about = REASONS.get(step.why, "") or ", ".join(str(FIELDS[name]) for name in step.values)
            rows.append((step.name or step.ref, about if action in {Action.CHANGE, Action.CONFLICT} else ""))
        if len(steps) > SHOWN:
            rows.append(("…", _("and more")))
        found.append(Panel(title=title, headers=(_("User name"), _("What")), rows=rows, empty=""))
    return found
