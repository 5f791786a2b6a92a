"""What brokers' classifiers say of a candidate: read from its annotations, and drawn as bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from aas2rto.factors.class_probability import probability_of
from aas2rto.page import svg
from aas2rto.text.words import one_line

MOST = 12
"""Classes of one classifier that are drawn, the most probable; the API has all."""

MOST_CLASSIFIERS = 12

WIDTH, STEP, NAMES, VALUES = 340.0, 24.0, 140.0, 40.0
"""Of a drawing, of one bar, and of the words on its left and right."""

NAME = 20
"""Longest name of a class that stands beside its bar; whole ones are in the title."""


@dataclass(frozen=True)
class Opinion:
    """What one classifier says.

    Parameters
    ----------
    column : str
        The annotation that holds it, such as ``alerce_probabilities``.
    classifier, version : str
    classes : tuple of (str, float)
        Classes and probabilities, the most probable first.
    """

    column: str
    classifier: str
    version: str
    classes: tuple[tuple[str, float], ...]


def opinion_of(column: str, classifier: str, said: Any) -> Opinion | None:
    """Read what a classifier says; None if that is nothing.

    Parameters
    ----------
    column, classifier : str
    said : object
        ``{version, classes: {class: probability}}`` if all is well; what is no probability is
        left out.
    """
    classes = said.get("classes") if isinstance(said, Mapping) else None
    if not isinstance(classes, Mapping):
        return None
    known = {str(name): probability_of(said, name) for name in classes}
    ranked = sorted((-p, name) for name, p in known.items() if p >= 0)  # NaN is neither
    if not ranked:
        return None
    version = str(said.get("version") or "")
    return Opinion(column, classifier, version, tuple((name, -p) for p, name in ranked))


def opinions_of(annotations: Mapping[str, Any]) -> list[Opinion]:
    """Return what all classifiers say, whichever broker they are of, in alphabetical order.

    Parameters
    ----------
    annotations : mapping
        Of one candidate, by column.
    """
    found = []
    for column, value in annotations.items():
        if isinstance(value, Mapping):
            read = (opinion_of(str(column), str(name), one) for name, one in value.items())
            found += [one for one in read if one is not None]
    return sorted(found, key=lambda one: (one.column, one.classifier))


def bars(opinion: Opinion) -> Markup:
    """Draw the probabilities of one classifier, the most probable at the top."""
    shown = opinion.classes[:MOST]
    long = WIDTH - NAMES - VALUES
    parts = []
    for row, (name, p) in enumerate(shown):
        y = row * STEP
        words = svg.title(f"{one_line(name, 60)}: {p:.3f}")
        parts.append(svg.text(NAMES - 8, y + 16, one_line(name, NAME), "", "end"))
        parts.append(svg.rect(NAMES, y + 4, long, STEP - 8, "all"))
        parts.append(svg.rect(NAMES, y + 4, long * p, STEP - 8, "part", words))
        parts.append(svg.text(NAMES + long + 6, y + 16, f"{p:.2f}", "num"))
    told = ", ".join(f"{one_line(name, 30)} {p:.2f}" for name, p in shown)
    more = len(opinion.classes) - len(shown)
    label = f"{title_of(opinion)} says {told}{f', and {more} more' if more else ''}"
    return svg.drawing(WIDTH, STEP * len(shown), parts, label, "bars")


def title_of(opinion: Opinion) -> str:
    """Return the classifier's name with its version."""
    version = one_line(opinion.version, 30)
    return f"{one_line(opinion.classifier, 60)}{f' {version}' if version else ''}"


def drawn(annotations: Mapping[str, Any]) -> list[tuple[str, Markup]]:
    """Return a title and a drawing for each classifier that says something."""
    return [(title_of(one), bars(one)) for one in opinions_of(annotations)[:MOST_CLASSIFIERS]]


def without(annotations: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotations that `drawn` does not show."""
    shown = {one.column for one in opinions_of(annotations)[:MOST_CLASSIFIERS]}
    return {key: value for key, value in annotations.items() if key not in shown}
