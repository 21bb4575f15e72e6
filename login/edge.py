"""What both doors know of the program at the other end."""

from django.http import HttpRequest

from accounts.middleware import BROWSER_COOKIE
from accounts.sessions import Client
from core.http import client_address, user_agent

TOKEN_LENGTH = 200


def client_of(request: HttpRequest) -> Client:
    """The client of this request; its browser is known by a cookie that only this portal sets."""
    return Client(
        address=client_address(request),
        user_agent=user_agent(request),
        browser_token=request.COOKIES.get(BROWSER_COOKIE, "")[:TOKEN_LENGTH],
    )
