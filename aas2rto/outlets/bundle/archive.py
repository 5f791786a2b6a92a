"""Put a bundle together: files of the plan, a star list, pages, sheets, in one zip."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from aas2rto import __version__
from aas2rto.config.case import Case
from aas2rto.outlets import log_sheet, starlists
from aas2rto.outlets.bundle import page, sheets
from aas2rto.outlets.starlists.dialect import Dialect
from aas2rto.outputs import lists, plan_files
from aas2rto.outputs.figures import style
from aas2rto.outputs.figures.subject import Subject
from aas2rto.planning import NightPlan
from aas2rto.sky.night import evening_of
from aas2rto.steps.cycle import Ranking
from aas2rto.text.words import date_of

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip, so that the same night gives the same bytes."""


@dataclass(frozen=True)
class Night:
    """What a bundle is made of.

    Parameters
    ----------
    case : Case
    plan : NightPlan
        Of one observatory.
    ranking : Ranking
        Its list.
    targets : DataFrame
        From `aas2rto.outlets.gather`, in observing order, standards last.
    subjects : sequence of Subject
        Whom there are pages of, with one observatory each.
    """

    case: Case
    plan: NightPlan
    ranking: Ranking
    targets: pd.DataFrame
    subjects: Sequence[Subject]

    @property
    def evening(self) -> str:
        """The local date on which the night begins, ISO."""
        night = self.plan.nights[0].night
        if not night.end > night.start:
            return f"{date_of(float(self.plan.now.utc.mjd)):%Y-%m-%d}"
        return f"{date_of(float(evening_of(night.start, night.end))):%Y-%m-%d}"


def pack(night: Night, chosen: Dialect) -> bytes:
    """Return the zip of a night; the same bytes for the same night.

    Parameters
    ----------
    night : Night
    chosen : Dialect
        Of the star list.
    """
    (one,) = night.plan.nights
    site = one.observatory
    own = night.targets[night.targets["candidate_id"] != ""]
    files: dict[str, bytes] = {
        **_of_plan(night),
        f"starlist{chosen.suffix}": starlists.write(night.targets, chosen).encode(),
        "airmass.csv": sheets.airmass(night.targets, one).encode(),
        "log.csv": log_sheet.write(own, site, night.evening).encode(),
        **_pages(night, chosen),
    }
    told = sheets.contents(site.name, site.title, night.evening, chosen.title, sorted(files))
    return _zipped(f"{site.name}_{night.evening}", {"README.txt": told.encode(), **files})


def _of_plan(night: Night) -> dict[str, bytes]:
    """Return the files that the plan and the ranked list are anyway."""
    site = night.plan.nights[0].observatory.name
    header = [
        f"aas2rto {__version__}, doi:10.1051/0004-6361/202452099",
        f"project: {night.case.project}, config: {night.case.digest}",
        f"now: {night.plan.now.utc.isot} UTC (MJD {night.plan.now.utc.mjd:.5f})",
    ]
    names = {
        f"plan/{site}.csv": "plan.csv",
        f"plan/{site}_not_planned.csv": "not_planned.csv",
        f"plan/{site}.png": "plan.png",
        f"plan/{site}.ics": "plan.ics",
        f"ranked/{site}.csv": "ranked.csv",
    }
    with TemporaryDirectory(prefix="aas2rto-") as made:
        folder = Path(made)
        plan_files.write(folder, night.case, night.plan, site)
        lists.write_ranking(folder, night.ranking, header)
        return {name: (folder / path).read_bytes() for path, name in names.items()}


def _pages(night: Night, chosen: Dialect) -> dict[str, bytes]:
    """Return the page of each target that has one, numbered in observing order."""
    plan, targets = night.plan, night.targets
    site = plan.nights[0].observatory
    slots = plan.at(site.name).drop_duplicates("candidate_id").set_index("candidate_id")
    first = {
        str(name): row for name, row in zip(slots.index, slots.to_dict("records"), strict=True)
    }
    labels = starlists.labels(targets, chosen)
    subjects = {one.candidate_id: one for one in night.subjects}
    foot = (
        f"{night.case.project}, {site.title}, night of {night.evening}; aas2rto {__version__}, "
        f"as known {plan.now.utc.isot[:16]} UTC"
    )
    found = {}
    with style.applied():
        rows = zip(targets.to_dict("records"), labels, strict=True)
        for place, (row, label) in enumerate(rows, start=1):
            subject = subjects.get(str(row["candidate_id"]))
            if subject is None:
                continue
            target = page.Target(place, label, row, first.get(subject.candidate_id))
            name = f"targets/{place:02d}_{style.safe_name(label)}.pdf"
            found[name] = page.pdf(page.draw(target, subject, foot))
    return found


def _zipped(folder: str, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return out.getvalue()
