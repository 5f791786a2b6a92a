"""A message without any service's markup: what is said, the same on every channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

CANDIDATE, DIGEST, OPERATORS, TEST = "candidate", "digest", "operators", "test"
"""Kinds of messages."""


@dataclass(frozen=True)
class Message:
    """What people are told.

    Parameters
    ----------
    kind : str
    title : str
        One sentence that says what.
    lines : tuple of (str, str)
        A short label, and what it is about: why now, where and when to look, what to do.
    links : tuple of (str, str)
        A name and an address, built by this program alone.
    candidate_id : str
        Empty if it is about none, or several.
    figures : tuple of str
        Kinds of figures that go with it.
    events : tuple of mapping
        What happened, for merging it with what happens next.
    facts : mapping
        Numbers for programs.
    """

    kind: str
    title: str
    lines: tuple[tuple[str, str], ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    candidate_id: str = ""
    figures: tuple[str, ...] = ()
    events: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as the outbox keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Message:
        """Return it from what the outbox has kept."""
        pairs = {
            name: tuple((str(a), str(b)) for a, b in data.get(name, ()))
            for name in ("lines", "links")
        }
        return cls(
            kind=str(data["kind"]),
            title=str(data["title"]),
            candidate_id=str(data.get("candidate_id", "")),
            figures=tuple(data.get("figures", ())),
            events=tuple(data.get("events", ())),
            facts=dict(data.get("facts", {})),
            **pairs,
        )

    def as_text(self) -> str:
        """Return it as plain text, for mail, terminals and logs."""
        lines = [written(label, text) for label, text in self.lines]
        links = [f"{name}: {address}" for name, address in self.links]
        return "\n".join([self.title, "", *lines, *links] if lines else [self.title, *links])


def written(label: str, text: str, *, bold: Callable[[str], str] = "{}: ".format) -> str:
    """Write one line of a message; a label that is no word is a sign in front of it."""
    if not any(c.isalnum() for c in label):
        return f"{label} {text}".strip()
    return f"{bold(label)}{text}"
