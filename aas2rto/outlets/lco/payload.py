"""A request group as LCO's portal takes it: images, or a spectrum with FLOYDS.

Fields and limits: observation-portal, `requestgroups/models.py` and `serializers.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from aas2rto.config.sections import Lco
from aas2rto.errors import UsageError
from aas2rto.outlets.lco.windows import Window
from aas2rto.outlets.starlists.names import short_names
from aas2rto.outlets.starlists.targets import plain
from aas2rto.sky.observatory import Observatory
from aas2rto.text.words import MJD_EPOCH

LONGEST_NAME, LONGEST_NOTE = 50, 255
"""Signs of names of groups and targets, and of a note: observation-portal, models.py."""

NAME = 20
"""Signs of the target's name in that of the group: room for date and key."""

FLAT_S, ARC_S = 50.0, 60.0
"""[s] Of the lamps before and after a spectrum of FLOYDS, as SkyPortal and SNEx take them."""

_SITE = re.compile(r"lco_([a-z]{3})_(\dm\d)")


class Kind(StrEnum):
    """What is taken."""

    IMAGES = "images"
    SPECTRUM = "spectrum"


@dataclass(frozen=True)
class Wish:
    """What is asked for: who, where, when, why.

    Parameters
    ----------
    project, candidate_id, name : str
    ra, dec : float
        ICRS [deg].
    site : Observatory
        Named ``lco_SITE_CLASS``.
    evening : str
        The local date on which the night begins, ISO.
    windows : sequence of (start, end)
        [d, MJD UTC]
    kind : Kind
    why : str
        For the people at the telescope.
    """

    project: str
    candidate_id: str
    name: str
    ra: float
    dec: float
    site: Observatory
    evening: str
    windows: Sequence[Window]
    kind: Kind
    why: str


def place_of(site: Observatory) -> tuple[str, str]:
    """Return LCO's code of a site and its class of telescopes, from an observatory's name.

    Raises
    ------
    UsageError
        If it is none of LCO's.
    """
    found = _SITE.fullmatch(site.name)
    if found is None:
        raise UsageError(
            f"{site.name} is no telescope of LCO; its file would be called lco_SITE_CLASS, such as "
            "lco_coj_1m0 (aas2rto list observatories)"
        )
    return found[1], found[2]


def group_name(wish: Wish) -> str:
    """Return the name of a group, by which it is found again: the same for the same night."""
    key = f"{wish.project}|{wish.candidate_id}|{wish.site.name}|{wish.evening}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:8]
    return f"AAS2RTO {short_names([wish.name], NAME)[0]} {wish.evening} {digest}"


def build(wish: Wish, settings: Lco) -> dict[str, Any]:
    """Return a request group.

    Parameters
    ----------
    wish : Wish
    settings : Lco
    """
    site, telescope_class = place_of(wish.site)
    made = _images(wish, settings) if wish.kind is Kind.IMAGES else _spectrum(wish, settings)
    return {
        "name": group_name(wish),
        "proposal": settings.proposal,
        "ipp_value": settings.ipp,
        "operator": "SINGLE",
        "observation_type": "NORMAL",
        "requests": [
            {
                "location": {"telescope_class": telescope_class, "site": site},
                "optimization_type": "TIME",
                "observation_note": plain(wish.why, LONGEST_NOTE),
                "windows": [{"start": _iso(a), "end": _iso(b)} for a, b in wish.windows],
                "configurations": made,
            }
        ],
    }


def open_shutter(group: Mapping[str, Any]) -> float:
    """Return how long the shutter is open in a group, without overheads [s]."""
    return sum(
        float(one["exposure_time"]) * int(one["exposure_count"])
        for request in group["requests"]
        for configuration in request["configurations"]
        for one in configuration["instrument_configs"]
    )


def _images(wish: Wish, settings: Lco) -> list[dict[str, Any]]:
    exposures = [
        {
            "exposure_time": settings.exposure,
            "exposure_count": settings.count,
            "optical_elements": {"filter": one},
        }
        for one in settings.filters
    ]
    guiding = {"mode": "ON", "optional": True}
    return [_configuration(wish, settings, "EXPOSE", settings.imager, exposures, guiding, {})]


def _spectrum(wish: Wish, settings: Lco) -> list[dict[str, Any]]:
    """Return flat, arc, spectrum, arc, flat."""

    def one(kind: str, seconds: float) -> dict[str, Any]:
        science = kind == "SPECTRUM"
        exposure = {
            "exposure_time": seconds,
            "exposure_count": 1,
            "rotator_mode": "VFLOAT",
            "optical_elements": {"slit": settings.slit},
        }
        guiding = {"mode": "ON", "optional": False} if science else {"mode": "OFF"}
        acquisition = {"mode": "WCS"} if science else {"mode": "OFF"}
        return _configuration(
            wish, settings, kind, settings.spectrograph, [exposure], guiding, acquisition
        )

    flat, arc = one("LAMP_FLAT", FLAT_S), one("ARC", ARC_S)
    return [flat, arc, one("SPECTRUM", settings.spectrum_exposure), arc, flat]


def _configuration(
    wish: Wish,
    settings: Lco,
    kind: str,
    instrument: str,
    exposures: list[dict[str, Any]],
    guiding: dict[str, Any],
    acquisition: dict[str, Any],
) -> dict[str, Any]:
    return {
        "type": kind,
        "instrument_type": instrument,
        "target": {
            "name": short_names([wish.name], LONGEST_NAME)[0],
            "type": "ICRS",
            "ra": round(wish.ra, 6),
            "dec": round(wish.dec, 6),
            "epoch": 2000,
            "proper_motion_ra": 0,
            "proper_motion_dec": 0,
        },
        "constraints": {
            "max_airmass": settings.max_airmass,
            "min_lunar_distance": settings.moon_separation,
        },
        "guiding_config": guiding,
        "acquisition_config": acquisition,
        "instrument_configs": exposures,
    }


def _iso(mjd: float) -> str:
    moment = MJD_EPOCH + timedelta(seconds=round(mjd * 86400))
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
