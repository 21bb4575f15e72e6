"""Signing keys in the administration: which one signs, what each has signed, and the way to another one. Never what they sign with."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as __
from django.utils.translation import ngettext

from accounts import signing_keys
from accounts.models import SigningKey
from accounts.signing_keys import KeyState
from accounts.signing_record import Signed, what_it_signed
from accounts.tokens.keys import signing_row
from accounts.tokens.rotation import VERIFYING, Standing
from core.admin import VerbAdmin
from core.admin_pages import Note, Panel, Words, badge, object_verb, two_lines, when
from core.outcomes import Denied
from tenants.actor import Actor

WORDS: dict[Standing, tuple[Words, str]] = {
    Standing.PUBLISHED: (__("Published"), ""),
    Standing.ACTIVE: (__("Active"), "ok"),
    Standing.RETIRED: (__("Retired"), ""),
    Standing.GONE: (__("Gone"), ""),
    Standing.REVOKED: (__("Revoked"), "danger"),
}
MEANINGS: dict[Standing, Words] = {
    Standing.PUBLISHED: __(
        "Shown to everybody who checks our tokens, so that they know it when its time comes. It signs nothing yet."
    ),
    Standing.ACTIVE: __("Signs every token now."),
    Standing.RETIRED: __("Signs nothing any more. What it signed holds until its own end."),
    Standing.GONE: __("Nothing that it signed can hold any more, and its private key is erased."),
    Standing.REVOKED: __("Nothing that it signed holds, and its private key is erased."),
}
STANDS_STILL = __("The next signing key is overdue. Does the clock run? Tokens are signed all the same.")


def state_of(key: SigningKey) -> KeyState:
    """Where a key stands now."""
    return signing_keys.states(now=timezone.now())[key.number]


def _stands(key: SigningKey, *standings: Standing) -> bool:
    return state_of(key).standing in standings


def _in_one_line(text: str) -> SafeString:
    return format_html('<span class="gh-number">{}</span>', text)


class SigningKeyAdmin(VerbAdmin):
    """The keys that sign access tokens, links and statements."""

    ordering = ("-number",)
    list_display = ("key", "state", "signs", "signed", "last_signed")
    sortable_by = ()
    object_verbs = ("rotate", "revoke")
    fieldsets = (
        (None, {"fields": ("kid", "state_explained", "public_key")}),
        (__("Times"), {"fields": ("created_at", "active_from", "active_until", "holds_until", "revoked_at")}),
    )
    readonly_fields = ("state_explained", "public_key", "active_until", "holds_until")
    help_texts = {
        "kid": __(
            "By this name a token says which key signed it; it is the key's own thumbprint (RFC 7638)."
        ),
        "state_explained": __("Every key goes the same way: published, active, retired, gone."),
        "public_key": __("As everybody reads it at /.well-known/jwks.json. The private key is never shown."),
        "created_at": __("Since when everybody can know it."),
        "active_from": __("From then on it signs, unless it is revoked before."),
        "active_until": __("When the next key took over, or will. Empty: none is published yet."),
        "holds_until": __("Until then something that it signed may hold; then its private key is erased."),
        "revoked_at": __("From then on nothing that it signed holds."),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The keys without what they sign with."""
        return super().get_queryset(request).defer("private")

    def complete(self, request: HttpRequest, rows: QuerySet[Any]) -> None:
        """Where each key stands, and what it signed."""
        now = timezone.now()
        states = signing_keys.states(now=now)
        for row in rows:
            row.state_now, row.signed_now = states[row.number], what_it_signed(row, now=now)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list, with the way to another key and a word about a clock that stands still."""
        now = timezone.now()
        active = signing_row(now=now)
        rotate_url = ""
        if active is not None and self.gate.may(request, "add", SigningKey):
            rotate_url = self.url_of(active, "rotate")
        notes = [Note(sentence=STANDS_STILL, tone="danger")] if signing_keys.stands_still(now=now) else []
        shown = {"rotate_url": rotate_url, "notes": notes}
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    # --- columns and what is only read -----------------------------------------------------------------------------------

    @admin.display(description=__("signing key"))
    def key(self, key: SigningKey) -> str:
        """Its number over the beginning of its name."""
        return two_lines(
            _("Key %(number)s") % {"number": key.number}, format_html("<code>{}…</code>", key.kid[:12])
        )

    @admin.display(description=__("state"))
    def state(self, key: Any) -> str:
        """Where it stands in a word."""
        word, tone = WORDS[key.state_now.standing]
        return badge(word, tone=tone)

    @admin.display(description=__("signs"))
    def signs(self, key: Any) -> str:
        """From when to when it signs."""
        until = key.state_now.active_until
        if until is not None and until <= key.active_from:
            return _("never")  # revoked before its time came
        ends = _("until %(time)s") % {"time": when(until)} if until is not None else _("until the next key")
        return two_lines(
            _in_one_line(_("from %(time)s") % {"time": when(key.active_from)}), _in_one_line(ends)
        )

    @admin.display(description=__("has signed"))
    def signed(self, key: Any) -> str:
        """How much of what it signed is still kept."""
        found: Signed = key.signed_now
        return two_lines(
            ngettext("%(number)s token", "%(number)s tokens", found.tokens) % {"number": found.tokens},
            ngettext("%(number)s live session", "%(number)s live sessions", found.sessions)
            % {"number": found.sessions},
        )

    @admin.display(description=__("last token"))
    def last_signed(self, key: Any) -> str:
        """When it last signed an access token."""
        return when(key.signed_now.last_at)

    @admin.display(description=__("state"))
    def state_explained(self, key: SigningKey) -> str:
        """Where it stands, and what that means."""
        standing = state_of(key).standing
        word, tone = WORDS[standing]
        return two_lines(badge(word, tone=tone), MEANINGS[standing])

    @admin.display(description=__("public key"))
    def public_key(self, key: SigningKey) -> str:
        """As RFC 7517 writes it."""
        return format_html("<pre>{}</pre>", json.dumps(key.public, indent=2, sort_keys=True))

    @admin.display(description=__("active until"))
    def active_until(self, key: SigningKey) -> str:
        """When the next key took over, or will."""
        return when(state_of(key).active_until)

    @admin.display(description=__("holds until"))
    def holds_until(self, key: SigningKey) -> str:
        """When the last thing that it signed ends."""
        return when(state_of(key).gone_at)

    def panels(self, request: HttpRequest, obj: SigningKey) -> Sequence[Panel]:
        """What it signed."""
        found = what_it_signed(obj, now=timezone.now())
        rows: list[tuple[Any, ...]] = [
            (_("Access tokens of sign-ins and refreshes"), found.tokens),
            (_("Live sessions that got one of them"), found.sessions),
            (_("Join links"), found.join_links),
            (_("Last access token"), when(found.last_at)),
        ]
        return [
            Panel(
                title=_("What it has signed"),
                lead=_("Of what is still kept. Tokens of ended sessions are forgotten after some time."),
                headers=(_("What"), _("How many")),
                rows=rows,
                empty="",
            )
        ]

    # --- verbs -------------------------------------------------------------------------------------------------------------

    @object_verb(
        __("Rotate now"),
        explains=__(
            "Another key signs from now on: the published one, or a new one. Nobody is signed out, for what this key signed goes on "
            "holding. Keys rotate by themselves; this is for when you do not want to wait."
        ),
        done=__("Another key signs now."),
        needs="add",
        confirmed=True,
        offered=lambda key: _stands(key, Standing.ACTIVE),
    )
    def rotate(self, obj: SigningKey, given: dict[str, Any], *, by: Actor, now: datetime) -> Any:
        """Let another key sign."""
        return signing_keys.rotate_now(by=by, now=now)

    @object_verb(
        __("Revoke"),
        explains=__(
            "For a key that somebody else may have. Within a second nothing that it signed holds: programs get a new access token by "
            "their refresh token, mailed links have to be asked for again. Where it is the active key, a new one signs at once. It "
            "cannot be brought back."
        ),
        done=__("The key is revoked."),
        danger=True,
        confirmed=True,
        offered=lambda key: _stands(key, *VERIFYING),
    )
    def revoke(self, obj: SigningKey, given: dict[str, Any], *, by: Actor, now: datetime) -> Any | Denied:
        """Let nothing that it signed hold."""
        return signing_keys.revoke_key(obj, by=by, now=now)
