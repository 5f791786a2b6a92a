"""A ledger for programs: CSV, which is a truth table of `aas2rto replay`, and JSON."""

from __future__ import annotations

from typing import Any

from aas2rto.outputs.cells import to_csv
from aas2rto.questions.ledger import TABLE, Ledger
from aas2rto.questions.ledger_sums import sums
from aas2rto.text.json_values import plain
from aas2rto.text.words import iso

FORMAT = 1
"""Raised when a reader of older files would go wrong."""


def as_csv(ledger: Ledger, project: str) -> str:
    """Write the rows of a ledger; ``aas2rto replay --truth`` reads the file.

    Parameters
    ----------
    ledger : Ledger
    project : str
    """
    head = [f"ledger of {project} at {iso(ledger.now)} UTC", f"top {ledger.top} of each list"]
    head.append(f"hit: {', '.join(ledger.classes)} within {ledger.within:g} d of the peak")
    return to_csv(ledger.table, TABLE, head)


def as_dictionary(ledger: Ledger, project: str) -> dict[str, Any]:
    """Return a ledger ready for JSON; what is not known is None.

    Parameters
    ----------
    ledger : Ledger
    project : str
    """
    found: dict[str, Any] = plain(
        {
            "format": FORMAT,
            "project": project,
            "now_mjd": ledger.now,
            "top": ledger.top,
            "classes": ledger.classes,
            "within_days": ledger.within,
            **sums(ledger),
            "rows": ledger.table.to_dict("records"),
            "visits": ledger.visits.to_dict("records"),
        }
    )
    return found
