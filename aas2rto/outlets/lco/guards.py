"""Why nothing is sent for a candidate, although somebody asks for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from aas2rto.config.sections import Lco
from aas2rto.outlets.lco.payload import Kind, Wish
from aas2rto.outlets.lco.service import ENDED
from aas2rto.store.requests import Request

SAME_PLACE = 2.0 / 3600.0
"""[deg] Closer targets are one: SkyPortal asks within 0.5 arcsec, brokers differ by more."""

SAME_NIGHT = 0.8
"""[d] Nights of sites all around the Earth begin within a day; the next night of a site does not
count as the same, whichever comes first after its dusk."""

_TNS_NAME = re.compile(r"(AT|SN) ?\d{4}[a-zA-Z]{1,7}")


def reasons(
    wish: Wish, row: Mapping[str, Any], ledger: Sequence[Request], settings: Lco
) -> list[str]:
    """Return why a request should not be sent; none if it may be.

    Parameters
    ----------
    wish : Wish
    row : mapping
        The candidate's columns: ``spectral_type``, ``name``.
    ledger : sequence of Request
        What was sent before.
    settings : Lco
    """
    guards = settings.not_if
    if guards is None:
        guards = ["classified", "spectrum"] if wish.kind is Kind.SPECTRUM else []
    found = known_reasons(row, wish.ra, wish.dec, ledger, guards)
    others = (one for one in ledger if _is_near(one, wish) and not _is_own(one, wish))
    found += [
        f"requested already at {one.site} for the night of {one.night}, as {one.candidate_id} "
        f"({one.state}, request group {one.facts.get('id', 'not known')})"
        for one in others
        if _is_same(one, wish)
    ]
    return found


def known_reasons(
    row: Mapping[str, Any],
    ra: float,
    dec: float,
    ledger: Sequence[Request],
    guards: Sequence[str],
) -> list[str]:
    """Return why nothing is sent for a candidate, whatever the service.

    Parameters
    ----------
    row : mapping
        The candidate's columns: ``spectral_type``, ``name``.
    ra, dec : float
        ICRS [deg].
    ledger : sequence of Request
    guards : sequence of str
        ``classified``: it has a spectroscopic type. ``reported``: TNS knows it. ``spectrum``: one
        exists, since it is classified or the ledger knows of one that was completed within
        2 arcsec, under whatever name.
    """
    kind, name = str(row.get("spectral_type") or ""), str(row.get("name") or "")
    found = []
    if "classified" in guards and kind:
        found.append(f"classified as {kind}")
    if "reported" in guards and _TNS_NAME.fullmatch(name):
        found.append(f"reported to TNS as {name}")
    if "spectrum" in guards:
        if kind:
            found.append(f"a spectrum exists: it is classified as {kind}")
        found += [
            f"a spectrum exists: {one.service} took it at {one.site} in the night of {one.night}"
            for one in ledger
            if one.facts.get("kind") == "spectrum"
            and one.state == "COMPLETED"
            and _apart(one, ra, dec) <= SAME_PLACE
        ]
    return found


def _apart(one: Request, ra: float, dec: float) -> float:
    """Return how far a request is from a place [deg]; NaN if it has none."""
    there = [float(one.facts.get(key, math.nan)) for key in ("ra", "dec")]
    east = ((there[0] - ra + 180) % 360 - 180) * math.cos(math.radians(dec))
    return math.hypot(there[1] - dec, east)


def _is_near(one: Request, wish: Wish) -> bool:
    """Tell whether a request is for about the same time: at other sites it has another date."""
    return bool(abs(float(one.facts.get("start", math.inf)) - wish.windows[0][0]) < SAME_NIGHT)


def _is_own(one: Request, wish: Wish) -> bool:
    return one.candidate_id == wish.candidate_id and one.site == wish.site.name


def _is_same(one: Request, wish: Wish) -> bool:
    """Tell whether a request that is still open is of the same place, whatever its name."""
    if one.state in ENDED - {"COMPLETED"}:
        return False
    return one.candidate_id == wish.candidate_id or _apart(one, wish.ra, wish.dec) <= SAME_PLACE
