"""Every address of the product."""

from django.urls import URLPattern, URLResolver, include, path

from cobrowse.customer import customer_script
from configserver.scim.urls import scim_urls
from delivery.views import outbox
from portal import demo_shop, embed, impersonating
from portal.account.home import dashboard
from portal.admin import site
from tenants.granted import company_of_tenant

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.api")),  # first, for programs ask most often
    path("", dashboard, name="dashboard"),
    path("", include("login.urls")),
    path("", include("oidc.urls")),
    path("account/", include("portal.account.urls")),
    path("impersonation/end/", impersonating.end, name="end-impersonation"),
    path("team/", include("portal.team.urls")),
    path("admin/", site.urls),
    path("delivery/", include("delivery.urls")),
    path("outbox/", outbox, name="outbox"),
    path("scim/v2/", include((scim_urls(company_of_tenant), "scim"))),
    path("api/1/", include("cobrowse.sdk_urls")),
    path("cobrowse/rest/", include("cobrowse.rest_urls")),
    path("cobrowse/agent/", include("cobrowse.page_urls")),
    path("cobrowse/js/gatehouse.js", customer_script, name="cobrowse-customer"),
    path("demo/shop/", demo_shop.shop, name="demo-shop"),
    path("demo/shop/basket/", demo_shop.basket, name="demo-basket"),
    path("demo/shop/checkout/", demo_shop.checkout, name="demo-checkout"),
    path("embed/code", embed.code, name="embed-code"),
    path("embed/session/<slug:id>", embed.session, name="embed-session"),
]

handler400 = "portal.errors.bad_request"
handler403 = "portal.errors.permission_denied"
handler404 = "portal.errors.page_not_found"
handler500 = "portal.errors.server_error"
