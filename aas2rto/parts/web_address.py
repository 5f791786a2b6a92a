"""Settings that name a web service: what cannot be asked is refused when the config is read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def checked(text: str) -> str:
    """Return an address that can be asked; empty stays empty, for settings that have a default.

    Raises
    ------
    ValueError
        If it has no scheme or no host, or names a user: secrets have settings of their own.

    Examples
    --------
    >>> checked("https://fritz.science")
    'https://fritz.science'
    """
    if not text:
        return text
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"is no address of a web service ({error})") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError(
            f"is no address of a web service: write https://{text.rpartition('://')[2]}"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError("names a user or a password, which belong into settings of their own")
    return text


WebAddress = Annotated[str, AfterValidator(checked)]
