"""Addresses that cannot be asked are refused in words, before the night."""

from __future__ import annotations

import pytest

from aas2rto.parts.web_address import checked


@pytest.mark.parametrize("text", ["", "https://a.example", "http://127.0.0.1:8080/x"])
def test_what_can_be_asked_stays(text):
    assert checked(text) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("fritz.science", "write https://fritz.science"),
        ("ftp://x", "write https://x"),
        ("https://", "is no address"),
        ("https://host:port", "is no address"),
        ("http://user:TOKEN@host", "names a user or a password"),
    ],
)
def test_what_cannot_is_refused(text, why):
    with pytest.raises(ValueError, match=why) as caught:
        checked(text)
    assert "TOKEN" not in str(caught.value)
