"""A made-up shop with the snippet of the demo's company on its pages, to try co-browse with; there is none outside of the demo."""

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from cobrowse.tokens import site_of
from core.http import is_from_this_machine

View = Callable[[HttpRequest], HttpResponse]


def _of_demo(view: View) -> View:
    """404 anywhere but on the demo's own machine; under another name of it, on to the one that may be a site of the company."""

    @wraps(view)
    def inner(request: HttpRequest) -> HttpResponse:
        if not (settings.DEMO and settings.LOOPBACK and is_from_this_machine(request)):
            raise Http404
        if request.META["HTTP_HOST"] != urlsplit(settings.PUBLIC_URL).netloc:
            return redirect(f"{settings.PUBLIC_URL}{request.path}")
        return view(request)

    return inner


def _page(request: HttpRequest, name: str, **more: object) -> HttpResponse:
    site = site_of(settings.PUBLIC_URL)
    context = {
        "site_key": site.site_key if site is not None else "",
        "public_url": settings.PUBLIC_URL,
        **more,
    }
    return render(request, f"demo/{name}.html", context)


@require_safe
@_of_demo
def shop(request: HttpRequest) -> HttpResponse:
    """What there is."""
    return _page(request, "shop")


@require_safe
@_of_demo
def basket(request: HttpRequest) -> HttpResponse:
    """What was chosen; always the same."""
    return _page(request, "basket")


@require_http_methods(["GET", "HEAD", "POST"])
@_of_demo
def checkout(request: HttpRequest) -> HttpResponse:
    """A form like that of a shop. What is typed is neither kept nor looked at."""
    return _page(request, "checkout", ordered=request.method == "POST")
