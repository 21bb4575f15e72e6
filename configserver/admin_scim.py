"""What the page of a directory shows when an identity provider brings people by it (SCIM)."""

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils.html import format_html
from django.utils.translation import gettext as _

from configserver.models import Directory, Group, Person, Role
from configserver.scim import PATH
from core.admin_lists import bounded_count
from core.admin_pages import Panel, badge, link_to, two_lines, when

SHOWN = 50


def address() -> str:
    """What is entered at the identity provider."""
    return f"{settings.PUBLIC_URL}{PATH}"


def token_in_words(directory: Directory) -> str:
    """Whether there is a token, since when, and when it was last used."""
    if directory.token is None:
        return two_lines(badge(_("No token"), tone="warning"), _("Nobody can call before one is made."))
    used = _("last used %(time)s") % {"time": when(directory.token_used_at)}
    told = used if directory.token_used_at is not None else _("never used")
    made = _("made %(time)s") % {"time": when(directory.token_made_at)}
    return two_lines(badge(_("Token set"), tone="ok"), f"{made}, {told}")


def groups_brought(directory: Directory) -> Panel:
    """The groups that the identity provider keeps here, and what each gives."""
    gives: dict[str, list[Role]] = {}
    for one in directory.groups.select_related("role"):
        gives.setdefault(one.group, []).append(one.role)
    groups = Group.objects.filter(directory=directory).annotate(people=Count("members"))
    rows = [
        (one.name, one.people, ", ".join(role.name for role in gives.get(one.name, ())) or _("nothing"))
        for one in groups[: SHOWN + 1]
    ]
    return Panel(
        title=_("Groups that it has brought"),
        lead=_("What a group gives is said above, by its name."),
        headers=(_("Group"), _("Members"), _("Gives")),
        rows=rows[:SHOWN],
        empty=_("None yet."),
        more_label=_("There are more.") if len(rows) > SHOWN else "",
    )


def persons_brought(directory: Directory, visible: QuerySet[Person]) -> Panel:
    """The newest persons that it brought."""
    brought = visible.filter(source=directory)
    rows = [
        (
            link_to(one),
            one.display_name,
            badge(_("Active"), tone="ok") if one.is_active else badge(_("Off"), tone=""),
        )
        for one in brought.order_by("-pk")[:SHOWN]
    ]
    title = _("Persons that it has brought")
    if rows:
        title = format_html("{} ({})", title, bounded_count(brought))
    return Panel(
        title=title,
        headers=(_("User name"), _("Name"), _("State")),
        rows=rows,
        empty=_("Nobody that you may see."),
    )
