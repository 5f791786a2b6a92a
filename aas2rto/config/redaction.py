"""Keeping secrets out of what is written, logged or sent."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, SecretStr

from aas2rto.config.case import Case

HIDDEN = "***"
SHORTEST = 4
"""Shorter texts are no secrets: replacing them would spoil every other word."""


class Redactor:
    """Replaces the secrets of a config wherever they turn up in a text.

    Parameters
    ----------
    secrets : iterable of str

    Examples
    --------
    >>> Redactor(["hunter22"])("login with hunter22 failed")
    'login with *** failed'
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
        # The longest first: one secret may be part of another.
        self._secrets = sorted((s for s in forms if len(s) >= SHORTEST), key=len, reverse=True)

    @classmethod
    def of(cls, case: Case) -> Redactor:
        """Return one for all secrets of a science case."""
        parts = (*case.sources, *case.models, *case.messengers)
        found = [secret for part in parts for secret in secrets_in(part.options)]
        return cls([*found, urlsplit(case.config.store.url).password or ""])

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def secrets_in(options: BaseModel) -> list[str]:
    """Return the secret values of some settings."""
    values = [getattr(options, name) for name in type(options).model_fields]
    return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
