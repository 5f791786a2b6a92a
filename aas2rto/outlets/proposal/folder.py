"""The folder of a proposal: PDF, text, facts, and the numbers of the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from aas2rto.outlets.proposal.facts import facts_of, justification
from aas2rto.outlets.proposal.page import pdf
from aas2rto.outlets.proposal.subject import Subject
from aas2rto.outputs import write_atomically


def write(subject: Subject, folder: Path) -> list[Path]:
    """Write the package of a source; return its files, the PDF first.

    Parameters
    ----------
    subject : Subject
    folder : Path
        Is made where it does not exist.
    """
    told = facts_of(subject)
    criteria = {name: [vars(one) for one in rules] for name, rules in subject.rules.items()}
    content = {
        "proposal.pdf": pdf(subject, told),
        "justification.txt": ("\n\n".join(justification(told)) + "\n").encode(),
        "facts.json": json.dumps({"facts": told, "criteria": criteria}, indent=2).encode(),
        "light_curve.csv": _csv(light_curve(subject)),
        "template.csv": _csv(subject.template),
        "nights.csv": _csv(subject.nights),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in content.items():
        write_atomically(folder / name, data)
    return [folder / name for name in content]


def light_curve(subject: Subject) -> pd.DataFrame:
    """Return the nightly means that were analysed: band, mjd [d, UTC], flux, flux_err [uJy]."""
    tables = [
        pd.DataFrame({"band": band, "mjd": one.mjd, "flux": one.flux, "flux_err": one.err})
        for band, one in subject.analysis.curves.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, float_format="%.10g").replace("\r\n", "\n").encode()
