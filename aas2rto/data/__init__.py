"""What a night needs without a network: SALT3-F22 surfaces and passbands.

Origin, licences and citations stand in ``README.md`` of this folder. Nothing here ever
downloads; what is not packaged comes from the user's own sncosmo data folder, if it is there.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import ModelError

FOLDER = Path(__file__).parent
FLUX_SCALE = 1e-12
"""Flux of the published surfaces is in units of 1e-12 erg / s / cm2 / A (Kenworthy et al. 2021)."""
TRIM_LEVEL = 0.001
"""Tails of a band below this share of its maximum are cut, as sncosmo does with its own files."""


@functools.cache
def _passbands() -> dict[str, NDArray[np.float64]]:
    with np.load(FOLDER / "passbands.npz") as arrays:
        return {name: arrays[name] for name in arrays.files}


def available_bands() -> tuple[str, ...]:
    """Return the sncosmo names of the packaged passbands."""
    return tuple(_passbands())


@functools.cache
def bandpass(name: str) -> Any:
    """Return a passband by its sncosmo name.

    Parameters
    ----------
    name : str
        Such as ``ztfg``; packaged ones first, then those of the user's sncosmo data folder.

    Returns
    -------
    sncosmo.Bandpass

    Raises
    ------
    ModelError
        If it is neither packaged nor in the data folder; nothing is downloaded.
    """
    import sncosmo  # noqa: PLC0415  costs more than a second

    if name in _passbands():
        wave, transmission = _passbands()[name]
        return sncosmo.Bandpass(wave, transmission, name=name, trim_level=TRIM_LEVEL)
    if _local(sncosmo.bandpasses._BANDPASSES, name):
        return sncosmo.get_bandpass(name)
    raise ModelError(
        f"no passband {name!r}: it is not packaged ({', '.join(available_bands())}) and "
        "not in sncosmo's data folder; put its file there (sncosmo.conf.data_dir), "
        "or leave the band out"
    )


def has_bandpass(name: str) -> bool:
    """Tell whether `bandpass` would find `name`, without a network."""
    if name in _passbands():  # without sncosmo, whose import takes a second
        return True
    try:
        bandpass(name)
    except ModelError:
        return False
    return True


def register_bandpasses() -> None:
    """Register the packaged passbands with sncosmo, so that it finds them without a download.

    May be called again at no cost: the same objects are registered.
    """
    import sncosmo  # noqa: PLC0415

    for name in available_bands():
        sncosmo.register(bandpass(name), name, data_class=sncosmo.Bandpass, force=True)


def _local(registry: Any, name: str) -> bool:
    """Tell whether an sncosmo registry can load `name` from this machine's disk."""
    from sncosmo.builtins import DATADIR  # noqa: PLC0415

    name = name.lower()
    if (name, None) in registry._instances:
        return True
    loaders = [entry for key, entry in registry._loaders.items() if key[0] == name]
    if not loaders:
        return False
    target = str(loaders[-1][1][0])
    packaged_by_sncosmo = target.startswith("data/")
    return packaged_by_sncosmo or (Path(DATADIR.rootdir()) / target).exists()


@functools.cache
def salt3_source() -> Any:
    """Build SALT3-F22 from the packaged arrays.

    Returns
    -------
    sncosmo.SALT3Source
        As sncosmo's ``salt3`` version 2.0: rest frame -20 to 50 d, 2000 to 11000 A. It is
        shared: `sncosmo.Model` copies it before setting parameters.
    """
    from scipy.interpolate import InterpolatedUnivariateSpline  # noqa: PLC0415
    from sncosmo import SALT3Source  # noqa: PLC0415
    from sncosmo.salt2utils import BicubicInterpolator, SALT2ColorLaw  # noqa: PLC0415

    class PackagedSalt3(SALT3Source):  # type: ignore[misc]
        """SALT3 whose components come from arrays instead of text files."""

        def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
            self.name, self.version = "salt3", "2.0"
            self._parameters = np.array([1.0, 0.0, 0.0])
            self._phase, self._wave = arrays["phase"], arrays["wave"]
            grids = {"M0": "m0", "M1": "m1", "LCRV00": "variance_0", "LCRV11": "variance_1"}
            self._model = {}
            for key, name in {**grids, "LCRV01": "covariance_01"}.items():
                scale = FLUX_SCALE if key in ("M0", "M1") else FLUX_SCALE**2
                values = arrays[name].astype(float) * scale
                self._model[key] = BicubicInterpolator(self._phase, self._wave, values)
            self._colorlaw_coeffs = arrays["colour_law"].tolist()
            limits = arrays["colour_law_range"].tolist()
            self._colorlaw = SALT2ColorLaw(limits, self._colorlaw_coeffs)
            self._colordisp = InterpolatedUnivariateSpline(
                arrays["dispersion_wave"], arrays["dispersion"], k=1
            )

    with np.load(FOLDER / "salt3_f22.npz") as stored:
        return PackagedSalt3({name: stored[name] for name in stored.files})


@functools.cache
def salt_source(name: str = "salt3") -> Any:
    """Return a SALT source by name, without a network.

    Parameters
    ----------
    name : str
        ``salt3`` is packaged. Otherwise a folder with SALT2 or SALT3 files, or a name that
        sncosmo knows and whose files stand in its data folder, with an optional version:
        ``salt2@2.4``.

    Returns
    -------
    sncosmo.Source

    Raises
    ------
    ModelError
        If there is none.
    """
    import sncosmo  # noqa: PLC0415

    if name == "salt3":
        return salt3_source()
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _source_from_folder(folder)
    title, _, version = name.partition("@")
    if not _local(sncosmo.models._SOURCES, title):
        raise ModelError(
            f"no SALT source {name!r}: 'salt3' is packaged; others need a model folder, or a name "
            "such as 'salt2@2.4' whose files stand in sncosmo's data folder (sncosmo.conf.data_dir)"
        )
    return sncosmo.get_source(title, version=version or None)


def _source_from_folder(folder: Path) -> Any:
    import sncosmo  # noqa: PLC0415

    for prefix, kind in (("salt3", sncosmo.SALT3Source), ("salt2", sncosmo.SALT2Source)):
        if (folder / f"{prefix}_template_0.dat").is_file():
            return kind(modeldir=str(folder), name=prefix, version=folder.name)
    raise ModelError(
        f"{folder}: no salt3_template_0.dat or salt2_template_0.dat in this folder; "
        "give the folder that holds a model's .dat files"
    )
