"""The figures of one candidate of the store, on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from astropy.time import Time

from aas2rto.errors import Aas2rtoError
from aas2rto.outputs import write_atomically
from aas2rto.outputs.figures import drawing, gathering, total_light_curve
from aas2rto.outputs.figures.gallery import Gallery
from aas2rto.steps.cycle import Judged, Parts, Ranking
from aas2rto.steps.fit_memory import OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store


def illustrate(
    parts: Parts,
    store: Store,
    candidate_id: str,
    now: Time,
    folder: Path,
    *,
    kinds: Sequence[str] = tuple(drawing.KINDS),
) -> list[Path]:
    """Draw a candidate as it stands at `now`; nothing is stored.

    Parameters
    ----------
    parts : Parts
    store : Store
    candidate_id : str
    now : Time
    folder : Path
        The project's folder; figures lie in ``figures/<candidate>/``.
    kinds : sequence of str

    Returns
    -------
    list of Path

    Raises
    ------
    Aas2rtoError
        If a figure cannot be drawn.
    """
    gallery = Gallery(folder, workers=1)
    found = findings(parts, store, candidate_id, now)
    usual = [kind for kind in kinds if kind != TOTAL]
    if usual:
        done = gallery.draw(found, {candidate_id: usual}, exactly_now=True)
        if done.failures:
            raise Aas2rtoError("; ".join(str(failure) for failure in done.failures))
    paths = [gallery.path(candidate_id, kind) for kind in drawing.KINDS if kind in kinds]
    if TOTAL in kinds:
        path = gallery.path(candidate_id, TOTAL)
        write_atomically(path, _total(parts, store, found, candidate_id))
        paths.append(path)
    return paths


TOTAL = "total"
"""The figure of total brightness, which needs the store's histories."""


def _total(parts: Parts, store: Store, found: gathering.Findings, candidate_id: str) -> bytes:
    """Draw the total brightness of a candidate."""
    now = float(found.now.utc.mjd)
    held = store.candidates(now, state=None)
    held = held[held["id"] == store.identities.key_of(candidate_id)].reset_index(drop=True)
    table = store.histories.of(held, now).table(held["candidate_id"].tolist())
    said = [c.factor.reason.tolist()[0] for c in found.columns if c.name.startswith("dip")]
    told = {"project": parts.case.project, "config": parts.case.digest}
    verdict = said[0].partition(": ")[2].partition(": ")[0] if said else ""
    words = f"{said[0].partition(':')[0]}: {verdict}" if verdict else ""
    return total_light_curve.draw(table, candidate_id, words, now, told)


def findings(parts: Parts, store: Store, candidate_id: str, now: Time) -> gathering.Findings:
    """Collect what figures show of one candidate, also of one that is excluded or rejected."""
    known = as_known(parts, store, now, candidate_id=candidate_id)
    judged = judge(parts, known, now, memory=OnlyRead(store.fits), in_full=True)
    return findings_of(parts, store, candidate_id, judged)


def findings_of(
    parts: Parts, store: Store, candidate_id: str, judged: Judged
) -> gathering.Findings:
    """Do the same of a candidate that has been judged alone and in full."""
    mjd = float(judged.at.utc.mjd)
    sites = [site.name for site in parts.case.observatories]
    ranks = store.results.rank_history(
        [candidate_id], sites, since=mjd - gathering.HISTORY, until=mjd
    )
    # Sorted by time: the newest rank of each observatory wins.
    last = dict(zip(ranks["observatory"], ranks["rank"], strict=True)) if len(ranks) else {}
    science, *sites_seen = judged.rankings
    rankings = [science, *(_as_ranked(one, last) for one in sites_seen)]
    return replace(gathering.of_judged(parts, judged, ranks), rankings=rankings)


def _as_ranked(alone: Ranking, last: Mapping[str, float]) -> Ranking:
    """Give a candidate that was ranked alone the rank that the last cycle gave it."""
    rank = last.get(alone.observatory, float("nan"))
    return replace(alone, table=alone.table.assign(rank=rank))
