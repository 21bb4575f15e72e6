"""The addresses of OpenID Connect under /o/, and what says where they are."""

from django.urls import path

from oidc import views

app_name = "oidc"
urlpatterns = [
    path("o/authorize/", views.AuthorizeView.as_view(), name="authorize"),
    path("o/authorize/answer/", views.answered, name="answer"),
    path("o/authorize/other/", views.other_person, name="other"),
    path("o/token/", views.token, name="token"),
    path("o/userinfo/", views.userinfo, name="userinfo"),
    path("o/logout/", views.LogoutView.as_view(), name="logout"),
    path("o/logout/now/", views.sign_out, name="sign-out"),
    path(".well-known/openid-configuration", views.discovery, name="discovery"),
    path(".well-known/oauth-authorization-server", views.discovery, name="metadata"),
]
