from dataclasses import dataclass
from typing import Any

from configserver.engines.base import Refused, Unreachable


class LdapConfig:
    def __init__(self, **kw: Any) -> None:
        self.kw = kw


class LdapEngine:
    def __init__(self, config: Any) -> None:
        pass

    def verify(self, login, password):
        return Unreachable(reason="stub")

    def answer(self, login, state, answer):
        return Refused()

    def decoy(self, login):
        pass

    def change_password(self, login, current, new):
        return Unreachable(reason="stub")
