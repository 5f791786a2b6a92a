"""Points for what a broker's filters say of a candidate, by the names of their tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Annotated, Any

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel, ConfigDict, Field

from aas2rto.factors import POINTS, Factor, Needs, answer, entries, factor
from aas2rto.text.late import sentences
from aas2rto.text.words import counted, nearest

SEEN = (
    "LAISS_RFC_AD_filter",
    "iso_forest_anomaly_detection",
    "dwarf_nova_outburst",
    "soraisam_sublum",
    "imhb_candidate",
    "nova_test",
    "in_m31",
    "nuclear_transient",
    "extragalactic",
    "young_extragalactic_candidate",
    "high_amplitude_transient_candidate",
    "high_flux_ratio_wrt_nn",
    "blue_transient",
    "ECL_blue_transient_candidate",
    "dimmers",
    "recent_reddening",
    "young_rubin_transients",
    "SN_candies",
    "lc_feature_extractor",
    "refitt_newsources_snrcut",
    "siena_mag_coord_cut",
    "high_snr",
    "in_LSSTDDF",
    "desi_target",
    "superphot_plus_classified",
    "lsst_scimma_quality_transient",
)
"""Tags that ANTARES has given (a listing of 2026-04): to find misspelt ones; others may come."""


class Tier(BaseModel):
    """Tags of one worth.

    Parameters
    ----------
    points : float
        For each tag that a candidate has.
    tags : tuple of str
        Their names; ``sso_*`` stands for all that begin so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    points: float
    tags: Annotated[tuple[str, ...], Field(min_length=1)]


def check(options: BaseModel, **_: Any) -> list[str]:
    """Say when the config loads which tags look misspelt, and which stand in two tiers."""
    tiers: Mapping[str, Tier] = getattr(options, "tiers", {})
    if not isinstance(tiers, dict) or not all(isinstance(one, Tier) for one in tiers.values()):
        return []
    ignored = getattr(options, "ignore", ())
    named = [tag for tier in tiers.values() for tag in tier.tags] + list(ignored)
    twice = [tag for tag, n in Counter(named).items() if n > 1]
    return [f"the tag {tag!r} stands here twice" for tag in twice] + [
        f"unknown tag {tag!r}{nearest(tag, SEEN, cutoff=0.85)}"
        for tag in named
        if "*" not in tag and tag not in SEEN and nearest(tag, SEEN, cutoff=0.85)
    ]


@factor("tags", needs=Needs.LIGHT_CURVE, check=check, scale=POINTS)
def tags(
    candidates: pd.DataFrame,
    now: Time,
    *,
    tiers: dict[str, Tier],
    ignore: tuple[str, ...] = (),
    column: str = "antares_tags",
) -> Factor:
    """Give points for each tag that a broker has put on a candidate.

    Parameters
    ----------
    candidates : DataFrame
        Reads the annotation `column`, a list of texts.
    now : Time
        Not used.
    tiers : dict
        From a name of your own to ``points`` and ``tags``, as ``rare: {points: 25, tags:
        [nova_test]}``; the first tier that names a tag counts, each tag once.
    ignore : tuple of str
        Tags that are worth nothing, and known to be: technical ones, ``sso_*``. What is neither
        here nor in a tier gives nothing and is reported, so that a new filter is not overlooked.
    column : str
        Name of the annotation.

    Returns
    -------
    Factor
        The sum of the points; 0 without tags, and where nobody has said anything.
    """
    given = entries(candidates, column)
    worth = {tag: _worth(tag, tiers) for known in given for tag in known or ()}
    values = np.array([sum(worth[tag] or 0.0 for tag in set(known or ())) for known in given])
    strange = Counter(
        tag
        for known in given
        for tag in set(known or ())
        if worth[tag] is None and not any(fnmatchcase(tag, one) for one in ignore)
    )

    def sentence(row: int) -> str:
        known = given[row]
        if known is None:
            return "no tags are known"
        counting = [tag for tag in dict.fromkeys(known) if worth[tag]]
        if not counting:
            return f"none of its {counted(len(known), 'tag')} counts" if known else "no tags"
        return ", ".join(f"{tag} {worth[tag]:+g}" for tag in counting)

    told = answer(values.astype(float), reason=sentences(len(given), sentence), tags=_plain(given))
    return replace(told, warnings=_warnings(strange))


def _worth(tag: str, tiers: Mapping[str, Tier]) -> float | None:
    """Return the points of a tag; None if no tier names it."""
    for tier in tiers.values():
        if any(fnmatchcase(tag, one) for one in tier.tags):
            return tier.points
    return None


def _plain(given: list[tuple[str, ...] | None]) -> np.ndarray[Any, np.dtype[np.object_]]:
    return np.array([None if one is None else ", ".join(one) for one in given], dtype=object)


def _warnings(strange: Counter[str]) -> tuple[str, ...]:
    """Say which tags nobody knows, the most frequent first."""
    if not strange:
        return ()
    named = [
        f"{tag} ({n})" for tag, n in sorted(strange.items(), key=lambda one: (-one[1], one[0]))
    ]
    return (
        f"unknown tags, worth nothing: {', '.join(named[:10])}"
        f"{' ...' if len(named) > 10 else ''}; put them into a tier or into ignore",
    )
