"""What is known of SNe Ia before any fit: settings of the `salt` model, and what they mean."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from aas2rto.units import Mag, Unit

Floats = NDArray[np.float64]
KmPerSecPerMpc = Annotated[float, Unit("km / (s Mpc)")]
NONE = "none"


class Priors(BaseModel):
    """Gaussian priors of stretch, colour, luminosity and redshift, and bounds.

    Parameters
    ----------
    x1 : (float, float)
        Mean and width of the stretch; (0, 1) by the definition of SALT's training (Guy et al.
        2007, Kenworthy et al. 2021).
    x1_cut : float
        Largest abs(x1); surveys cut at 3 to 5 (Betoule et al. 2014, Scolnic et al. 2022).
    c : (float, float)
        Mean and width of the colour. Populations have 0.1 with a red tail (Scolnic & Kessler
        2016); 0.15 lets the tail in.
    c_cut : float
        Largest abs(c).
    magnitude : float
        M_B of a SN Ia with x1 = c = 0, for the `hubble` below (Betoule et al. 2014: -19.05 at 70
        in their zero point of m_B; -19.36 in SALT's m_B = 10.5 - 2.5 log10 x0) [mag].
    scatter : float
        Width of the luminosity about Tripp's relation, wide enough for what Tripp's relation
        does not know: 0.15 intrinsic, 1991T- and 1991bg-like SNe, lensing, peculiar velocities
        [mag].
    alpha, beta : float
        Coefficients of M = M_B - alpha x1 + beta c (Tripp 1998; Scolnic et al. 2022: 0.148, 3.1).
    hubble, omega_m : float
        Flat Lambda CDM of the luminosity distances [km / s / Mpc] and matter density.
    volume : float
        Exponent of p(z) ~ z^volume; 2 is a constant density of supernovae. (That a survey sees
        only the bright ones does not change it: given the data, they have been seen.) 0 is flat.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    x1: tuple[float, Annotated[float, Field(gt=0)]] = (0.0, 1.0)
    x1_cut: float = Field(default=4.0, gt=0)
    c: tuple[float, Annotated[float, Field(gt=0)]] = (0.0, 0.15)
    c_cut: float = Field(default=0.6, gt=0, le=1.5)
    magnitude: Mag = -19.36
    scatter: Mag = Field(default=0.3, gt=0)
    alpha: float = 0.14
    beta: float = 3.1
    hubble: KmPerSecPerMpc = Field(default=70.0, gt=0)
    omega_m: float = Field(default=0.3, ge=0, le=1)
    volume: float = Field(default=2.0, ge=0, le=4)


PriorSettings = Priors | Literal["none"]


def smooth_modulus(redshifts: Floats, priors: Priors) -> Floats:
    """Return mu - 5 log10(z) [mag]: the part of the distance modulus that is smooth at z = 0.

    Parameters
    ----------
    redshifts : ndarray
        From 0 on.
    priors : Priors
        Holds the cosmology.
    """
    from astropy.cosmology import FlatLambdaCDM  # noqa: PLC0415  half a second at import

    z = np.maximum(redshifts, 1e-4)
    modulus = FlatLambdaCDM(priors.hubble, priors.omega_m).distmod(z).value
    smooth: Floats = modulus - 5 * np.log10(z)
    return smooth
