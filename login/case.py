"""One attempt with everything that its steps need, loaded once."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from accounts.checks import rules_of
from accounts.grants import roles_asking
from accounts.models import Browser, Session, User
from accounts.names import Realm
from accounts.principal import roles_of
from accounts.rising import SECOND
from accounts.sessions import Client, known_browser
from accounts.tokens.issue import TokenPair
from audit.record import Origin
from configserver.passwords import is_expired
from configserver.values import Question
from core import sealed
from core.options import Snapshot
from core.sealed import NOTHING
from login.flow import Facts, Help, Purpose, Step, next_step
from login.help.words import is_enough
from login.models import Attempt, HelpRequest
from tenants.roles import RoleGiven
from tenants.settings import snapshot
from twofactor.models import Challenge, FactorKind, RecoveryCode
from twofactor.options import SKIP
from twofactor.services.asked import Asked, Provided, asked_of, enrollable, is_asked, turned_on
from twofactor.services.challenges import codes_of
from twofactor.services.lost import is_due, other_contacts
from twofactor.services.paper import forget_spent
from twofactor.services.provided import known_of, provided_for, provided_from
from twofactor.services.two_persons import takes_two_for_another

LIFE = timedelta(minutes=15)  # in all, whatever is done in it


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a completed attempt gives: the session, its secret for a cookie, and the token by which the browser is known."""

    session: Session
    secret: str
    browser_token: str
    tokens: TokenPair | None = None  # for a program


@dataclass
class Case:
    """An attempt at one moment. `user` is None when nobody has the name; every step then walks the same road."""

    attempt: Attempt
    client: Client
    now: datetime
    since: int  # the version of the caches when the first of it was read
    sent: Challenge | None = None  # the code that was sent in this very step
    finished: Finished | None = None
    recovered: bool = False  # every second factor was turned off in this very step
    opened: bool = False  # the link was taken for the first proof in this very step

    @property
    def user(self) -> User | None:
        """Whose sign-in it is."""
        return self.attempt.user

    @property
    def person(self) -> User:
        """The same, where a proof has shown that there is somebody."""
        if self.attempt.user is None:
            raise LookupError("no step after the first proof is reached without a person")
        return self.attempt.user

    @property
    def origin(self) -> Origin:
        """Who acts, for the audit: the person only once something was proved."""
        return Origin(actor=self.user if self.proved else None, address=self.client.address)

    @cached_property
    def settings(self) -> Snapshot:
        """The settings of the person's company."""
        return snapshot(self.user.company_id if self.user else None)

    @cached_property
    def browser(self) -> Browser | None:
        """The browser at the other end, if this person has signed in with it before."""
        return known_browser(self.user, self.client)

    @cached_property
    def roles(self) -> list[RoleGiven]:
        """The roles of the person."""
        return roles_of(self.person)

    @property
    def _asking(self) -> list[RoleGiven]:
        # A token that names a lower role, or none, opens the same account: it must not take the second factor away.
        return roles_asking(self.attempt.grant, self.roles)

    @property
    def is_external(self) -> bool:
        """Whether the Configuration Server proves the password."""
        return self.attempt.realm == Realm.EXTERNAL

    @property
    def typed_name(self) -> str:
        """The name as it was typed."""
        return sealed.unseal(self.attempt, "name").decode()

    @property
    def question(self) -> Question | None:
        """What the directory asks, if it does."""
        if self.attempt.question == NOTHING:
            return None
        kept = json.loads(sealed.unseal(self.attempt, "question"))
        return Question(
            person=UUID(kept["person"]), prompt=kept["prompt"], state=kept["state"], echo=kept["echo"]
        )

    def identify(self, person: User) -> None:
        """The first proof has shown who it is; what was read for whoever has the name counts no longer."""
        self.attempt.user = person
        self.forget("settings", "browser", "roles", "asked")

    def look_up(self) -> None:
        """Read roles and settings now, outside of a unit: inside of one, what is read is not remembered for the next sign-in."""
        if self.user is not None and "roles" not in self.__dict__:
            self.roles = roles_of(self.user)
            self.settings = snapshot(self.user.company_id)

    @cached_property
    def asked(self) -> Asked:
        """What is asked of the person beyond the first proof."""
        return asked_of(self.person, roles=self._asking, provided=self.provided)

    @cached_property
    def provided(self) -> Provided:
        """What the organisation has for the person, as it was found after the first proof."""
        return provided_from(self.attempt.provided)

    def look_for_provided(self) -> None:
        """Ask what the organisation has for the person, once the first proof was given and if a second one is asked for. Not in a unit."""
        self.look_up()
        if self.user is None:
            return
        if turned_on(self.user) == [FactorKind.RECOVERY]:
            # Maybe of a temporary code that is over, and then no way at all.
            forget_spent(RecoveryCode.objects.filter(factor__user=self.user.pk), now=self.now)
            self.user.refresh_from_db(fields=["factor_kinds", "preferred_factor"])
        if is_asked(self.user, roles=self._asking) and not self._skipped:
            self.provided = provided_for(self.user, self.settings, now=self.now)
        else:
            # Should the rules change under way, nobody is let through for want of what was never looked for.
            self.provided = known_of(self.settings, self.user)

    @cached_property
    def codes(self) -> list[Challenge]:
        """The codes that were asked for in this attempt, the newest first."""
        return codes_of(self.attempt.uid)

    @property
    def enrollable(self) -> list[str]:
        """The kinds of factor that can be turned on in this very sign-in, where there is none."""
        proved_by = FactorKind.EMAIL.value if self.attempt.by_link else ""
        return enrollable(self.person, self.settings, proved_by=proved_by)

    def forget(self, *names: str) -> None:
        """Read these anew at their next use: something they follow from has changed."""
        for name in names:
            self.__dict__.pop(name, None)

    @property
    def proved(self) -> bool:
        """Whether the first proof was given."""
        return bool(self.attempt.password_at or self.attempt.link_at or self.attempt.passkey_at)

    @property
    def may_be_lost(self) -> bool:
        """Whether the person may say here that the second factor is lost: at a sign-in by password, while it is asked for."""
        return self._by_password and self.step in {Step.METHOD, Step.CODE, Step.PASSKEY}

    @property
    def _by_password(self) -> bool:
        return self.attempt.purpose == Purpose.SIGN_IN and self.attempt.password_at is not None

    @cached_property
    def recovered_by(self) -> tuple[str, ...]:
        """The addresses to which a code stands for the lost factor by now, and did not before."""
        if not self._by_password or not is_due(self.person, now=self.now):
            return ()
        return other_contacts(self.person, self.settings, methods=self.asked.methods)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that can prove something here: after a mailed link, the same mailbox proves nothing more."""
        methods = (*self.asked.methods, *self.recovered_by)
        if self.attempt.by_link and not self.confirms:
            methods = tuple(one for one in methods if one != FactorKind.EMAIL)
        return methods

    @property
    def _without_method(self) -> str:
        # A mailed link alone must not let anybody enrol or skip the factor; nor may a service that does not answer.
        if self.attempt.purpose == Purpose.FORGOTTEN or self.provided.unknown:
            return "deny"
        if self.attempt.by_link and self.asked.methods:
            # There is a way, the mailbox itself, and it does not count here. Whoever only ever had the mailbox has nothing that could be
            # got round; anybody else is asked for what he has.
            denied = self.asked.without_method == "deny" or not self.person.has_only_mailbox
            behaviour = "deny" if denied else "agent" if self.asked.without_method == "agent" else "enrol"
        else:
            behaviour = self.asked.without_method
        anew = not takes_two_for_another(self.person, now=self.now)
        possible = {"enrol": anew and bool(self.enrollable), "allow": anew, "agent": self.may_be_helped}
        return behaviour if possible.get(behaviour, True) else "deny"

    @property
    def may_be_helped(self) -> bool:
        """Whether an administrator may give the second proof: at a sign-in, and not where a password is replaced or a session confirmed."""
        return self.attempt.purpose not in {Purpose.FORGOTTEN, Purpose.CONFIRM}

    @cached_property
    def help_request(self) -> HelpRequest | None:
        """What an administrator was asked in this attempt."""
        return HelpRequest.objects.filter(attempt=self.attempt.pk).first() if self.attempt.help else None

    @property
    def help(self) -> Help:
        """How the help stands; what was enough and is not any more, as he or they have changed since, lets nobody in."""
        stands = Help(self.attempt.help)
        return Help.DENIED if stands is Help.CONFIRMED and not self._words_are_enough else stands

    @cached_property
    def _words_are_enough(self) -> bool:
        return self.help_request is not None and is_enough(self.help_request, now=self.now)

    @property
    def _skipped(self) -> bool:
        """Whether a second factor given before stands (setting TwoFactor.SkipOptions)."""
        skip = self.settings.text(SKIP)
        if self.attempt.purpose == Purpose.CONFIRM:
            session = self.attempt.session
            return skip != "never" and session is not None and not SECOND.isdisjoint(session.methods)
        if self.attempt.purpose == Purpose.FORGOTTEN or skip != "device" or self.browser is None:
            return False
        return self.browser.is_remembered(user=self.person, now=self.now)

    @property
    def _change_due(self) -> bool:
        user = self.person
        if self.attempt.passkey_at is not None:
            return False  # no password was used; it is asked for when one is
        if user.must_change_password or user.is_external:
            return user.must_change_password  # of external people the Configuration Server says it
        return is_expired(changed_at=user.password_changed_at, rules=rules_of(user.company_id), now=self.now)

    @property
    def confirms(self) -> bool:
        """Whether who it is was proved before, in a session that there is."""
        return self.attempt.purpose == Purpose.CONFIRM

    def facts(self) -> Facts:
        """What has been established, read from the columns and the rules in force."""
        attempt = self.attempt
        ended = attempt.ended_at is not None or self.now >= attempt.expires_at
        purpose = Purpose(attempt.purpose)
        if not self.proved:
            return Facts(
                purpose=purpose,
                ended=ended,
                asked=attempt.question != NOTHING,
                by_passkey=attempt.by_passkey,
                by_link=attempt.by_link,
            )
        methods = self.methods
        return Facts(
            purpose=purpose,
            ended=ended,
            by_passkey=attempt.by_passkey,
            by_link=attempt.by_link,
            passkey_proved=attempt.passkey_at is not None,
            password_proved=attempt.password_at is not None,
            link_proved=attempt.link_at is not None,
            factor_needed=self.asked.needed and not self._skipped,
            factor_proved=attempt.factor_at is not None,
            methods=methods,
            method=attempt.method,
            without_method="deny" if methods else self._without_method,  # nobody asks while there is a way
            help=self.help,
            change_due=purpose == Purpose.FORGOTTEN or (purpose == Purpose.SIGN_IN and self._change_due),
            changed=attempt.changed_at is not None,
        )

    @property
    def step(self) -> Step:
        """What is asked for next."""
        return next_step(self.facts())
