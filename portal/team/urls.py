"""The pages under /team/."""

from django.urls import path

from portal.team import links, many, members

app_name = "team"
urlpatterns = [
    path("", members.members, name="members"),
    path("members/<uuid:uid>/", members.member, name="member"),
    path("members/<uuid:uid>/remove/", members.remove, name="remove"),
    path("links/", links.links, name="links"),
    path("links/new/", links.make, name="make"),
    path("links/many/", many.many, name="many"),
    path("links/<uuid:uid>/", links.link, name="link"),
    path("links/<uuid:uid>/show/", links.show, name="show"),
    path("links/<uuid:uid>/resend/", links.resend, name="resend"),
    path("links/<uuid:uid>/revoke/", links.revoke, name="revoke"),
]
