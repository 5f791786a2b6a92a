"""Observatories: a position on Earth, a telescope with its limits, and its instrument."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

ASTRONOMICAL_TWILIGHT_DEG = -18.0
"""Altitude of the Sun's centre at the end of astronomical twilight, Astronomical Almanac, glossary;
the night of A&A 698, A153, Sect. 3.2.2."""


STARLISTS = (
    *("keck", "lick", "p200", "ngps", "ing", "eso", "lascampanas", "mmt", "blanco"),
    *("visplot", "acp", "nina", "stellarium", "gemini", "ds9", "votable", "csv"),
)
"""Dialects of star lists that a telescope may take, see `aas2rto.outlets.starlists`."""


@dataclass(frozen=True)
class Instrument:
    """What an instrument needs to observe a candidate, see `aas2rto.sky.exposure`.

    Parameters
    ----------
    reference_mag, reference_time_s : float
        A candidate this bright [mag, AB] takes this long [s] at the zenith under a dark sky.
    name : str
        For people.
    sky_mag : float or None
        Brightness of the dark sky in the aperture or slit [mag, AB]; None: `exposure.SKY_MAG`.
    extinction_mag : float or None
        Per airmass [mag]; None: `exposure.EXTINCTION`.
    bright_limit_mag, faint_limit_mag : float or None
        Candidates brighter or fainter than these are not observed [mag, AB].
    min_exposure_s, max_exposure_s : float or None
        Shorter exposures are lengthened to the first; what would take longer than the second is
        not observed [s].
    """

    reference_mag: float
    reference_time_s: float
    name: str = ""
    sky_mag: float | None = None
    extinction_mag: float | None = None
    bright_limit_mag: float | None = None
    faint_limit_mag: float | None = None
    min_exposure_s: float | None = None
    max_exposure_s: float | None = None


@dataclass(frozen=True)
class Observatory:
    """A telescope at its site.

    Parameters
    ----------
    name : str
        Its name in configs: the file's name without ``.yaml``.
    longitude_deg, latitude_deg : float
        Geodetic, WGS 84 [deg]; east and north positive.
    elevation_m : float
        Above the ellipsoid [m].
    title : str
        For people, such as ``Nordic Optical Telescope, La Palma``.
    timezone : str
        IANA name, for local times in figures and messages.
    twilight_deg : float
        It is night while the Sun's centre is below this altitude [deg].
    min_altitude_deg, max_altitude_deg : float or None
        The telescope cannot point lower or higher [deg]; None: no such limit.
    hour_angle_limit_h : float or None
        The telescope cannot point farther than this from the meridian [h].
    horizon : tuple of (azimuth, altitude)
        What stands in the way [deg]: the sky is free above the line through these points,
        azimuth from north through east, closed over north. Empty: free everywhere.
    moon_separation_deg : float or None
        Not observed closer to the Moon than this while it is up [deg].
    aperture_m : float or None
        Diameter of the primary mirror [m].
    slew_rate_deg_s, settle_s, overhead_s : float or None
        Slewing speed [deg / s], time to settle after a slew [s], and time per visit for
        acquisition and read-out [s]; None: not known, see `aas2rto.sky.exposure`.
    instrument : Instrument or None
        None: not known, see `aas2rto.sky.exposure`.
    starlist : str
        The dialect of star lists that the telescope takes, one of `STARLISTS`.

    Examples
    --------
    >>> Observatory("home", longitude_deg=12.6, latitude_deg=55.7, elevation_m=10.0).title
    'home'
    """

    name: str
    longitude_deg: float
    latitude_deg: float
    elevation_m: float
    title: str = ""
    timezone: str = "UTC"
    twilight_deg: float = ASTRONOMICAL_TWILIGHT_DEG
    min_altitude_deg: float | None = None
    max_altitude_deg: float | None = None
    hour_angle_limit_h: float | None = None
    horizon: tuple[tuple[float, float], ...] = ()
    moon_separation_deg: float | None = None
    aperture_m: float | None = None
    slew_rate_deg_s: float | None = None
    settle_s: float | None = None
    overhead_s: float | None = None
    instrument: Instrument | None = None
    starlist: str = "csv"

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)

    @functools.cached_property
    def observer(self) -> Any:
        """The same site as an `astroplan.Observer`, without an atmosphere."""
        # Here, not above: astroplan costs a second, which most commands should not pay.
        import astropy.units as u  # noqa: PLC0415
        from astroplan import Observer  # noqa: PLC0415

        return Observer(
            latitude=self.latitude_deg * u.deg,
            longitude=self.longitude_deg * u.deg,
            elevation=self.elevation_m * u.m,
            name=self.name,
            timezone=self.timezone,
        )
