"""What we know of the products that people connect: where they are, how long their tokens live, and what to do there step by step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Preset

DAY, HOUR = 1_440, 60  # minutes


@dataclass(frozen=True, kw_only=True)
class Product:
    """A product. Origins have `{placeholders}` for what differs from one customer to the next."""

    preset: Preset
    lifetime_minutes: int
    origins: Sequence[str]
    steps: Sequence[Promise]
    claims: Mapping[str, str]  # whose of the product's values the claims of its tokens hold


_KEY = _(
    "Generate a key by the button above. The private key is shown once: put it where the code that signs can read it, and nowhere else."
)
_SIGN = _(
    "Sign a token for whoever is signed in there, with the claims listed here, whenever a page of ours is about to be shown."
)
_FRAME = _(
    "Show our page in a frame, and hand it the token by postMessage. Never put the token into an address."
)

PRODUCTS: Mapping[str, Product] = {
    Preset.GENESYS: Product(
        preset=Preset.GENESYS,
        lifetime_minutes=DAY,
        origins=("https://apps.{region}",),
        steps=(
            _(
                "Write the region of your organisation into the trusted origin, such as apps.mypurecloud.de or apps.usw2.pure.cloud."
            ),
            _KEY,
            _(
                "In Genesys Cloud Admin, under Integrations, add a Client Application, and give its address and the groups that see it."
            ),
            _("Let the server of that application ask Genesys Cloud (/api/v2/users/me) who is signed in."),
            _SIGN,
            _FRAME,
        ),
        claims={"sub": "/api/v2/users/me: email", "displayName": "/api/v2/users/me: name"},
    ),
    Preset.ZENDESK: Product(
        preset=Preset.ZENDESK,
        lifetime_minutes=DAY,
        origins=("https://{subdomain}.zendesk.com", "https://{app-id}.apps.zdusercontent.com"),
        steps=(
            _(
                "Write your subdomain and the number of your app into the trusted origins: Zendesk shows an app in a frame of its own."
            ),
            _KEY,
            _("In the Admin Center, under Apps and integrations, add a private app for the ticket sidebar."),
            _("Turn on signed requests for the app, so that its server can tell who is signed in."),
            _SIGN,
            _FRAME,
        ),
        claims={"sub": "currentUser.email", "displayName": "currentUser.name"},
    ),
    Preset.FRESHDESK: Product(
        preset=Preset.FRESHDESK,
        lifetime_minutes=DAY,
        origins=("https://{domain}.freshdesk.com",),
        steps=(
            _(
                "Write your domain into the trusted origin. Add the origin of the app's own frame, as the browser's tools show it."
            ),
            _KEY,
            _(
                "Make a custom app for the ticket sidebar, with a serverless part that keeps the private key in its settings."
            ),
            _("Ask for loggedInUser in that serverless part, so that nobody else can be named."),
            _SIGN,
            _FRAME,
        ),
        claims={"sub": "loggedInUser.contact.email", "displayName": "loggedInUser.contact.name"},
    ),
    Preset.INTERCOM: Product(
        preset=Preset.INTERCOM,
        lifetime_minutes=HOUR,
        origins=("https://app.intercom.com",),
        steps=(
            _(
                "Where your workspace is in Europe or Australia, the origin is https://app.eu.intercom.com or https://app.au.intercom.com."
            ),
            _KEY,
            _(
                "In the Developer Hub, make an app with a Canvas Kit for the inbox, and give the address of your server."
            ),
            _(
                "Check the signature of each request of Intercom (X-Body-Signature) before you believe who it names."
            ),
            _SIGN,
            _FRAME,
        ),
        claims={"sub": "admin.email", "displayName": "admin.name"},
    ),
    Preset.SALESFORCE: Product(
        preset=Preset.SALESFORCE,
        lifetime_minutes=DAY,
        origins=("https://{domain}.lightning.force.com", "https://{domain}--c.vf.force.com"),
        steps=(
            _(
                "Write your domain into the trusted origins: of Lightning, and of the Visualforce page that holds the frame."
            ),
            _(
                "In Setup, under Certificate and Key Management, make a self-signed certificate of 2048 bits, and add it here."
            ),
            _(
                "Give the id of that key, as it stands here, as kid to the Apex class Auth.JWS that signs by the certificate's name."
            ),
            _("Let the Visualforce page take the person from UserInfo."),
            _SIGN,
            _FRAME,
        ),
        claims={"sub": "UserInfo.getUserEmail()", "displayName": "UserInfo.getName()"},
    ),
}
_OTHER = Product(
    preset=Preset.OTHER,
    lifetime_minutes=DAY,
    origins=("https://{name}",),
    steps=(_KEY, _SIGN, _FRAME),
    claims={},
)


def product_of(preset: str) -> Product:
    """What is known of a product; of one that we do not know, what holds for all."""
    return PRODUCTS.get(preset, _OTHER)
