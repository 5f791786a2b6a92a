"""LCO's observation portal: validates, stores, cancels, by the rules that it publishes.

Each rule says where it stands. Files without a folder are those of
``observation_portal/requestgroups/`` in github.com/observatorycontrolsystem/observation-portal.
Whether a target is up is asked of astropy, which the program itself does not use for it.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_body
from astropy.time import Time
from astropy.utils import iers

from tests.standin.server import Question, Reply, Route, Service

SITES = {
    # tom_base, tom_observations/facilities/lco.py
    "coj": (-31.273, 149.071, 1116.0),
    "cpt": (-32.381, 20.810, 1760.0),
    "tfn": (28.300, -16.512, 2330.0),
    "lsc": (-30.167, -70.805, 2198.0),
    "elp": (30.680, -104.015, 2070.0),
    "ogg": (20.707, -156.258, 3055.0),
}
HOUR_ANGLE = {"1m0": 4.6, "0m4": 4.6, "2m0": 12.0}
"""[h] tom_base issue 752; the mounts of the 2 m are altazimuthal."""

SHUTTER_OVERHEAD = 40.0
"""[s] For each exposure, and 90 s for each configuration: of the order of duration_utils.py."""

LAMPS = {"LAMP_FLAT", "ARC"}
TERMINAL = {"COMPLETED", "WINDOW_EXPIRED", "FAILURE_LIMIT_REACHED", "CANCELED"}
"""common/state_changes.py"""


def _elements(*codes: str) -> list[dict[str, Any]]:
    return [{"name": one, "code": one, "schedulable": True, "default": False} for one in codes]


INSTRUMENTS: dict[str, Any] = {
    "1M0-SCICAM-SINISTRO": {
        "class": "1m0",
        "optical_elements": {"filters": _elements("gp", "rp", "ip", "zs", "B", "V")},
        "modes": {"guiding": ["ON", "OFF"], "acquisition": ["OFF"], "rotator": []},
        "configuration_types": ["EXPOSE", "REPEAT_EXPOSE", "BIAS", "DARK"],
    },
    "2M0-FLOYDS-SCICAM": {
        "class": "2m0",
        "optical_elements": {"slits": _elements("slit_1.2as", "slit_1.6as", "slit_2.0as")},
        "modes": {
            "guiding": ["ON", "OFF"],
            "acquisition": ["WCS", "BRIGHTEST", "OFF"],
            "rotator": ["VFLOAT", "SKY"],
        },
        "configuration_types": ["SPECTRUM", "ARC", "LAMP_FLAT"],
    },
}
SPECTROGRAPHS = {"2M0-FLOYDS-SCICAM"}


class Lco(Service):
    """One proposal with time on both instruments."""

    name = "lco"
    token, proposal = "standin-lco-token", "LCO2026A-000"

    def reset(self) -> None:
        super().reset()
        self.groups: dict[int, dict[str, Any]] = {}
        self.hours = {"1M0-SCICAM-SINISTRO": 10.0, "2M0-FLOYDS-SCICAM": 10.0}
        self.changes: dict[str, Any] = {}
        self.lose_answers = 0

    def routes(self) -> dict[str, Route]:
        return {
            "GET /api/instruments/": self.instruments,
            "POST /api/requestgroups/validate/": self.validate,
            "POST /api/requestgroups/": self.create,
            "GET /api/requestgroups/": self.listing,
            r"GET /api/requestgroups/(\d+)/": self.detail,
            r"POST /api/requestgroups/(\d+)/cancel/": self.cancel,
            r"GET /api/requests/(\d+)/observations/": self.observations,
        }

    @property
    def date(self) -> datetime:
        return datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=self.now)

    def _denied(self, question: Question) -> Reply | None:
        """Refuse strangers: viewsets.py, IsAuthenticatedOrReadOnly; header of the API's pages."""
        if question.headers.get("authorization") != f"Token {self.token}":
            return Reply({"detail": "Invalid token."}, 401)
        return None

    def instruments(self, question: Question) -> Any:
        return INSTRUMENTS

    def validate(self, question: Question) -> Any:
        """Answer 200 either way: viewsets.py, validate."""
        denied = self._denied(question)
        if denied is not None:
            return denied
        errors = self.errors_of(question.form())
        return {"request_durations": {} if errors else {"duration": 1}, "errors": errors}

    def create(self, question: Question) -> Any:
        denied = self._denied(question)
        if denied is not None:
            return denied
        group = question.form()
        errors = self.errors_of(group)
        if errors:
            return Reply(errors, 400)
        key = 1000 + len(self.groups)
        stored = {**group, "id": key, "state": "PENDING", "submitter": "standin"}
        stored["requests"] = [
            {**one, "id": 5000 + 10 * key + place, "state": "PENDING", **self.changes}
            for place, one in enumerate(group["requests"])
        ]
        self.groups[key] = stored
        if self.lose_answers:
            self.lose_answers -= 1
            return Reply({"detail": "Bad Gateway"}, 502)
        return Reply(stored, 201)

    def listing(self, question: Question) -> Any:
        """Filter by a part of the name without regard to case: filters.py."""
        denied = self._denied(question)
        if denied is not None:
            return denied
        part, proposal = question.get("name").lower(), question.get("proposal")
        found = [
            one
            for one in self.groups.values()
            if part in one["name"].lower() and proposal in {"", one["proposal"]}
        ]
        found.sort(key=lambda one: -int(one["id"]))  # viewsets.py, ordering
        return {"count": len(found), "next": None, "previous": None, "results": found[:10]}

    def detail(self, question: Question, key: str) -> Any:
        denied = self._denied(question)
        if denied is not None:
            return denied
        return self.groups.get(int(key)) or Reply({"detail": "Not found."}, 404)

    def cancel(self, question: Question, key: str) -> Any:
        """Refuse what has ended: viewsets.py, cancel; common/state_changes.py."""
        denied = self._denied(question)
        if denied is not None:
            return denied
        group = self.groups.get(int(key))
        if group is None:
            return Reply({"detail": "Not found."}, 404)
        if group["state"] in TERMINAL:
            said = f"Cannot change from {group['state']} to CANCELED"
            return Reply({"errors": [said]}, 400)
        self.set_state(int(key), "CANCELED")
        return group

    def observations(self, question: Question, key: str) -> Any:
        """Blocks of a request, by the request's number, not that of its group."""
        for group in self.groups.values():
            for one in group["requests"]:
                if one["id"] == int(key):
                    window = one["windows"][0]
                    site = one["location"].get("site", "coj")
                    blocks = [{"id": 1, "state": "PENDING", "site": site, **window}]
                    return blocks if group["state"] == "PENDING" else []
        return Reply({"detail": "Not found."}, 404)

    def set_state(self, key: int, state: str) -> None:
        self.groups[key]["state"] = state
        for one in self.groups[key]["requests"]:
            one["state"] = state

    # -- rules ------------------------------------------------------------------------------

    def errors_of(self, group: dict[str, Any]) -> dict[str, Any]:
        errors: dict[str, Any] = {}
        if not 0 < len(str(group.get("name", ""))) <= 50:  # models.py, RequestGroup.name
            errors["name"] = ["Ensure this field has no more than 50 characters."]
        if group.get("proposal") != self.proposal:  # serializers.py, RequestGroupSerializer
            errors["proposal"] = [f"You are not a member of the proposal {group.get('proposal')}"]
        ipp = group.get("ipp_value")
        if not isinstance(ipp, int | float) or not 0.5 <= ipp <= 2.0:  # models.py, ipp_value
            errors["ipp_value"] = ["requested ipp_value must be between 0.5 and 2.0"]
        requests = group.get("requests") or []
        if group.get("operator") != "SINGLE" or len(requests) != 1:  # serializers.py
            errors["operator"] = [
                "'Single' type requestgroups must have exactly one child request."
            ]
        if group.get("observation_type") not in {"NORMAL", "RAPID_RESPONSE", "TIME_CRITICAL"}:
            errors["observation_type"] = ["is not a valid choice."]
        found = [self._of_request(one) for one in requests]
        if any(found):
            errors["requests"] = found
        return errors

    def _of_request(self, request: dict[str, Any]) -> dict[str, Any]:
        errors: dict[str, Any] = {}
        location = request.get("location") or {}
        telescope_class, site = location.get("telescope_class"), location.get("site")
        if telescope_class not in HOUR_ANGLE:  # serializers.py, LocationSerializer
            errors["location"] = {"telescope_class": ["This field is required."]}
        if site is not None and site not in SITES:
            errors["location"] = {"site": [f"Site {site} not valid."]}
        if len(str(request.get("observation_note", ""))) > 255:  # models.py, observation_note
            errors["observation_note"] = ["Ensure this field has no more than 255 characters."]
        windows = [self._of_window(one) for one in request.get("windows") or []]
        if not windows or any(windows):  # serializers.py, validate_windows
            errors["windows"] = windows or ["You must specify at least one window"]
        parts = request.get("configurations") or []
        found = [self._of_configuration(one, telescope_class) for one in parts]
        if not parts or any(found):
            errors["configurations"] = found or ["You must specify at least 1 configuration"]
        return errors or self._of_time(request)

    def _of_window(self, window: dict[str, Any]) -> dict[str, Any]:
        try:
            start, end = (_date(window[key]) for key in ("start", "end"))
        except (KeyError, ValueError):
            return {"start": ["Datetime has wrong format."]}
        if end <= start:  # serializers.py, WindowSerializer
            return {"non_field_errors": ["Window end cannot be earlier than window start."]}
        if end <= self.date:
            return {"end": ["Window end date must be in the future"]}
        if _semester(start) != _semester(end):  # serializers.py: one semester
            return {"non_field_errors": ["The observation window does not fit within a semester."]}
        return {}

    def _of_configuration(self, one: dict[str, Any], telescope_class: Any) -> dict[str, Any]:
        """Check a configuration as serializers.py, ConfigurationSerializer, does."""
        for key in ("guiding_config", "acquisition_config", "constraints", "target"):
            if not isinstance(one.get(key), dict):
                return {key: ["This field is required."]}
        kind, instrument = one.get("type"), one.get("instrument_type")
        known = INSTRUMENTS.get(str(instrument))
        if known is None:
            return {"instrument_type": [f"Invalid instrument type {instrument}."]}
        if known["class"] != telescope_class:
            return {"instrument_type": [f"{instrument} is not at a {telescope_class}"]}
        if kind not in known["configuration_types"]:
            said = f"configuration type {kind} is not valid for instrument type {instrument}"
            return {"non_field_errors": [said]}
        errors = _of_target(one["target"]) or _of_constraints(one["constraints"])
        if errors:
            return errors
        is_lamp, is_spectrograph = kind in LAMPS, instrument in SPECTROGRAPHS
        return _of_modes(one, known["modes"], lamp=is_lamp, spectrograph=is_spectrograph) or (
            _of_exposures(one.get("instrument_configs") or [], known)
        )

    def _of_time(self, request: dict[str, Any]) -> dict[str, Any]:
        """Refuse what the proposal has no time for, and what is not up for long enough."""
        needed, instrument = 0.0, request["configurations"][0]["instrument_type"]
        for one in request["configurations"]:
            needed += 90.0
            for exposure in one["instrument_configs"]:
                each = exposure["exposure_time"] + SHUTTER_OVERHEAD
                needed += each * exposure["exposure_count"]
        if needed / 3600 > self.hours[instrument]:  # serializers.py, RequestGroupSerializer
            return {"non_field_errors": [f"Proposal does not have enough time on {instrument}"]}
        longest = self._longest(request)
        if longest <= needed:  # serializers.py; PR 326: only what is to come counts
            said = (
                "According to the constraints of the request, the target is never visible within "
                f"the time window: the largest interval is {longest / 3600:.2f} h, "
                f"it needs {needed / 3600:.2f} h"
            )
            return {"non_field_errors": [said]}
        return {}

    def _longest(self, request: dict[str, Any]) -> float:
        # No downloads; the tables that came with astropy are good enough for minutes.
        with (
            iers.conf.set_temp("auto_download", False),
            iers.conf.set_temp("auto_max_age", None),
            iers.conf.set_temp("iers_degraded_accuracy", "ignore"),
        ):
            return self._longest_offline(request)

    def _longest_offline(self, request: dict[str, Any]) -> float:
        location, one = request["location"], request["configurations"][0]
        place = SkyCoord(one["target"]["ra"], one["target"]["dec"], unit="deg")
        sites = [location["site"]] if "site" in location else list(SITES)
        longest = 0.0
        for site in sites:
            latitude, longitude, height = SITES[site]
            there = EarthLocation(lon=longitude * u.deg, lat=latitude * u.deg, height=height * u.m)
            for window in request["windows"]:
                start = max(_mjd(window["start"]), self.now)
                mjd = np.arange(start, _mjd(window["end"]) + 1e-9, 120 / 86400)
                if len(mjd) < 2:
                    continue
                good = _is_up(place, there, mjd, one["constraints"], location["telescope_class"])
                longest = max(longest, _run(good) * 120.0)
        return longest


def _of_target(target: dict[str, Any]) -> dict[str, Any]:
    """Check a target: target_helpers.py, IcrsTargetHelper; models.py, Target.name."""
    if not 0 < len(str(target.get("name", ""))) <= 50:
        return {"target": {"name": ["Ensure this field has no more than 50 characters."]}}
    if target.get("type") != "ICRS":
        return {"target": {"type": ["is not a valid choice."]}}
    ra, dec = target.get("ra"), target.get("dec")
    good = isinstance(ra, int | float) and isinstance(dec, int | float)
    if not good or not (0 <= float(ra or 0) < 360 and -90 <= float(dec or 0) <= 90):
        return {"target": {"ra": ["A valid number is required."]}}
    return {}


def _of_constraints(constraints: dict[str, Any]) -> dict[str, Any]:
    """Check ranges: serializers.py, ConstraintsSerializer."""
    if not 1 <= constraints.get("max_airmass", 1.6) <= 25:
        return {"constraints": {"max_airmass": ["out of range"]}}
    if not 0 <= constraints.get("min_lunar_distance", 30) <= 180:
        return {"constraints": {"min_lunar_distance": ["out of range"]}}
    return {}


def _of_modes(
    one: dict[str, Any], modes: dict[str, Any], *, lamp: bool, spectrograph: bool
) -> dict[str, Any]:
    """Check guiding and acquisition: serializers.py, ConfigurationSerializer.validate."""
    guiding = one["guiding_config"]
    if guiding.get("mode", "ON") not in modes["guiding"]:
        return {"guiding_config": ["mode is not available"]}
    if spectrograph and not lamp and guiding.get("optional"):
        return {"guiding_config": ["Guiding cannot be optional on spectrograph instruments"]}
    if not lamp and one["acquisition_config"].get("mode", "OFF") not in modes["acquisition"]:
        return {"acquisition_config": ["mode is not available"]}
    return {}


def _of_exposures(exposures: list[dict[str, Any]], known: dict[str, Any]) -> dict[str, Any]:
    """Check them: serializers.py, validate_instrument_configs."""
    if not exposures:
        return {"instrument_configs": ["must have at least one instrument configuration"]}
    if len({exposure.get("rotator_mode", "") for exposure in exposures}) > 1:
        return {"instrument_configs": ["Rotator modes must be the same"]}
    found = [_of_exposure(exposure, known) for exposure in exposures]
    return {"instrument_configs": found} if any(found) else {}


def _of_exposure(exposure: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    seconds = exposure.get("exposure_time")
    if not isinstance(seconds, int | float) or math.isnan(seconds) or seconds < 0:
        return {"exposure_time": ["A valid number is required."]}
    if not isinstance(exposure.get("exposure_count"), int) or exposure["exposure_count"] < 1:
        return {"exposure_count": ["Ensure this value is greater than or equal to 1."]}
    rotator = exposure.get("rotator_mode")
    if known["modes"]["rotator"] and rotator not in {None, *known["modes"]["rotator"]}:
        return {"rotator_mode": ["is not available"]}
    chosen = exposure.get("optical_elements") or {}
    for plural, elements in known["optical_elements"].items():
        singular = plural.removesuffix("s")
        if singular not in chosen:
            return {"non_field_errors": [f"Must set optical element of type {singular}"]}
        if chosen[singular].lower() not in {one["code"].lower() for one in elements}:
            said = f"optical element {chosen[singular]} of type {singular} is not available"
            return {"non_field_errors": [said]}
    return {}


def _is_up(
    place: SkyCoord, there: EarthLocation, mjd: Any, constraints: dict[str, Any], kind: str
) -> Any:
    times = Time(mjd, format="mjd", scale="utc")
    frame = AltAz(obstime=times, location=there)
    altitude = place.transform_to(frame).alt.rad
    sun, moon = get_body("sun", times, there), get_body("moon", times, there)
    dark = sun.transform_to(frame).alt.deg < -18 + 0.05
    apart = SkyCoord(moon.ra, moon.dec).separation(place).deg  # a degree off matters to nobody
    far = apart >= constraints["min_lunar_distance"] - 1
    down = moon.transform_to(frame).alt.deg < 0
    hour = (times.sidereal_time("apparent", there.lon).hour - place.ra.hour + 12) % 24 - 12
    high = altitude > np.arcsin(1 / constraints["max_airmass"]) - 1e-3
    return high & dark & (far | down) & (np.abs(hour) <= HOUR_ANGLE[kind] + 0.02)


def _run(good: Any) -> int:
    longest = run = 0
    for one in good.tolist():
        run = run + 1 if one else 0
        longest = max(longest, run - 1)
    return longest


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _mjd(text: str) -> float:
    return (_date(text) - datetime(1858, 11, 17, tzinfo=UTC)) / timedelta(days=1)


def _semester(date: datetime) -> tuple[int, str]:
    """Return A, February to July, or B, August to January (lco.global, semesters)."""
    shifted = date - timedelta(days=31)
    return shifted.year, "A" if 2 <= date.month <= 7 else "B"
