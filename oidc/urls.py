"""The addresses of OpenID Connect under /o/, and what says where they are."""

from django.urls import path

from oidc import endpoints, views

app_name = "oidc"
urlpatterns = [
    path("o/authorize/", views.AuthorizeView.as_view(), name="authorize"),
    path("o/authorize/answer/", views.answered, name="answer"),
    path("o/authorize/other/", views.other_person, name="other"),
    path("o/token/", endpoints.token, name="token"),
    path("o/userinfo/", endpoints.userinfo, name="userinfo"),
    path("o/logout/", views.LogoutView.as_view(), name="logout"),
    path("o/logout/now/", views.sign_out, name="sign-out"),
    path(".well-known/openid-configuration", endpoints.discovery, name="discovery"),
    path(".well-known/oauth-authorization-server", endpoints.discovery, name="metadata"),
]
