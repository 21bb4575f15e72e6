"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

from delivery.views import outbox
from portal import embed
from portal.account.home import dashboard
from portal.admin import site

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.api")),  # first, for programs ask most often
    path("", dashboard, name="dashboard"),
    path("", include("login.urls")),
    path("account/", include("portal.account.urls")),
    path("team/", include("portal.team.urls")),
    path("admin/", site.urls),
    path("delivery/", include("delivery.urls")),
    path("outbox/", outbox, name="outbox"),
    path("embed/code", embed.code, name="embed-code"),
    path("embed/session/<slug:id>", embed.session, name="embed-session"),
]

handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.permission_denied"
handler404 = "portal.errors.page_not_found"
handler500 = "portal.errors.server_error"
