"""Mixes of settings that each are right and together are not."""

from pathlib import Path
from typing import Any

from portal.checks import demo_is_over, https_needs_a_proxy


def test_an_https_address_without_a_proxy_is_refused(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.TRUSTED_PROXIES = True, []
    assert [one.id for one in https_needs_a_proxy(None)] == ["portal.E001"]


def test_an_https_address_behind_a_named_proxy_is_right(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT, settings.TRUSTED_PROXIES = True, ["127.0.0.1/32"]
    assert https_needs_a_proxy(None) == []


def test_the_demos_people_are_named_once_the_demo_is_over(settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.DATA_DIR = False, tmp_path
    assert demo_is_over(None) == []
    (tmp_path / "demo.stamp").touch()
    assert [one.id for one in demo_is_over(None)] == ["portal.W001"]
    settings.DEMO = True
    assert demo_is_over(None) == []
