"""The surveys that can be simulated, and what is special about each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Survey:
    """What is special about a survey.

    Parameters
    ----------
    name : str
    calibration : float
        Relative error beyond photon noise.
    forced_share : float
        Share of objects with late forced photometry.
    measures_gaps : bool
        See :class:`aas2rto.simulate.observe.Rules`.
    faintest : float
        Explosions that peak fainter [mag], before dust, are not drawn unless asked for.
    radius, latency : float
        Field of view [deg] and median time to an alert [min], for visits from a file.
    """

    name: str
    calibration: float
    forced_share: float
    measures_gaps: bool
    faintest: float
    radius: float
    latency: float


SURVEYS = {
    "ztf": Survey("ztf", 0.02, 0.2, measures_gaps=False, faintest=21.5, radius=3.87, latency=15.0),
    "lsst": Survey("lsst", 0.005, 0.2, measures_gaps=True, faintest=22.0, radius=1.75, latency=5.0),
}
"""Calibration: 0.02 (Masci et al. 2019: below 0.025 mag) and 0.005 (Ivezic et al. 2019). ZTF's own
depth hardly passes 21.5; LSST's does, and its faint ones are a matter of ``--faintest``. Rubin:
field of 9.6 deg2; alerts within 60 s (LSE-163), and minutes of a broker. Fields of a file are
discs of the same area, 47 deg2 for ZTF."""
