"""SALT's surfaces, integrated over passbands once: the tables that the batched fit reads.

A table holds, for each band, redshift and rest-frame day, the integrals of M0 and M1 through the
band, weighted with Lagrange polynomials on Gaussian nodes across the band. The flux behind a
smooth factor g(wavelength) - colour law and Milky Way dust - is then a sum of a few products,
sum_j g(lambda_j) T_j: the spectrum is integrated exactly, only the smooth factor is interpolated.
In phase the tables are read with the bicubic kernel of sncosmo itself, in redshift by four-point
Lagrange interpolation.
"""

from __future__ import annotations

import copy
import hashlib
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto import data
from aas2rto.tables.photometry import AB_ZERO_POINT
from aas2rto.text.cache import cache_folder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

log = logging.getLogger(__name__)

Z_STEP = 0.002
"""Spacing in redshift; four-point interpolation is then good to some 1e-6."""
NODES = (8, 16, 24)
"""Gaussian nodes across a band; multiples of what the compiled sums take at once. Eight are enough
at low redshift. Where a band reaches the end of the colour law (2800 A at rest), beyond which it is
continued as a straight line, the flux would be off by up to 1e-3, and more nodes are taken."""
GOOD_NODES, COLOURS = 5e-5, (-0.5, 0.5)
"""The fewest nodes are taken whose flux is off by less than this share of the peak at these c, or
the most of them."""
WAVE_STEP = 5.0
"""Largest step of the integral over a band [A]; as sncosmo's, so that sums agree exactly."""
R_V = 3.1
FORMAT = "6"
"""Raise it when the meaning of a stored table changes."""
MOST_ERROR = 10.0
"""Cap of the model's relative error, which has no bound where its flux vanishes."""
KEYS = ("values", "law", "dust", "error", "limits", "off")
EDGE_ROWS = 9
"""Two times two rows, each followed by unused ones, so that four can always be read."""


@dataclass(frozen=True)
class SaltTables:
    """Everything that the kernel reads.

    Parameters
    ----------
    bands : tuple of str
    values : ndarray, shape (bands, redshifts, 2, nodes, rows)
        M0 and M1 [uJy for x0 = 1]; rows are rest-frame days from `first_phase`, then `EDGE_ROWS`
        rows for the first and the last day, where sncosmo interpolates linearly.
    law : ndarray, shape (bands, redshifts, nodes)
        Colour law at the nodes [mag per unit of c].
    dust : ndarray, shape (bands, nodes)
        Milky Way extinction at the nodes [mag per mag of E(B-V)].
    error : ndarray, shape (bands, redshifts, days)
        Relative error of the model itself at x1 = 0.
    first, last : ndarray of int, shape (bands,)
        First and last redshift node at which the surfaces cover the band; last < first if none.
    first_phase : float
        [d, rest frame].
    days : int
        Number of rest-frame days, the last one included.
    """

    bands: tuple[str, ...]
    values: Floats
    law: Floats
    dust: Floats
    error: Floats
    first: Ints
    last: Ints
    first_phase: float
    days: int

    @property
    def redshifts(self) -> Floats:
        """Redshifts of the nodes."""
        return np.asarray(np.arange(self.law.shape[1]) * Z_STEP, dtype=float)

    def with_early(self, mean: Floats) -> SaltTables:
        """Return the same with a mean of real supernovae added to M0.

        Parameters
        ----------
        mean : ndarray, shape (days,)
            In shares of the flux at phase 0; none on the first day and the last two.
        """
        peak = self.values[:, :, 0, :, round(-self.first_phase)][..., None]
        values = self.values.copy()
        values[:, :, 0, :, : self.days] += mean * peak
        values[:, :, 0, :, self.days + 1] += mean[1] * peak[..., 0]
        return replace(self, values=values)


def gauss_nodes(wave: Floats, weight: Floats, n: int) -> Floats:
    """Return the n Gaussian quadrature nodes of a weight given on a grid.

    The recurrence of the orthogonal polynomials is built by Stieltjes' procedure, and its Jacobi
    matrix diagonalised (Golub & Welsch 1969).

    Examples
    --------
    >>> x = np.linspace(-1, 1, 20001)
    >>> gauss_nodes(x, np.ones_like(x), 2).round(3).tolist()
    [-0.577, 0.577]
    """
    half = np.ptp(wave) / 2
    x = (wave - wave[0]) / half - 1
    diagonal, off = np.zeros(n), np.zeros(n)
    before, now, norm_before = np.zeros_like(x), np.ones_like(x), 1.0
    for k in range(n):
        norm = np.sum(weight * now * now)
        diagonal[k] = np.sum(weight * x * now * now) / norm
        off[k] = norm / norm_before if k else 0.0
        before, now, norm_before = now, (x - diagonal[k]) * now - off[k] * before, norm
    side = np.sqrt(off[1:])
    jacobi = np.diag(diagonal) + np.diag(side, 1) + np.diag(side, -1)
    roots = np.asarray(np.linalg.eigvalsh(jacobi), dtype=float)
    return np.asarray((roots + 1) * half + wave[0], dtype=float)


def lagrange(wave: Floats, nodes: Floats) -> Floats:
    """Return the Lagrange polynomials of `nodes` at `wave`, shape (nodes, wave)."""
    values = np.ones((nodes.size, wave.size))
    for j, own in enumerate(nodes):
        for other in np.delete(nodes, j):
            values[j] *= (wave - other) / (own - other)
    return values


def integration_grid(band: Any) -> tuple[Floats, float]:
    """Return wavelengths and step [A] of the integral over a band, as sncosmo chooses them."""
    low, high = band.minwave(), band.maxwave()
    step = (high - low) / int(np.ceil((high - low) / WAVE_STEP))
    grid: Floats = np.arange(low + 0.5 * step, high, step)
    return grid, float(step)


def phase_rows(first: float, days: int) -> tuple[Floats, NDArray[np.float64]]:
    """Return phases to evaluate, and the matrix that turns their spectra into table rows.

    sncosmo interpolates with a cubic kernel in phase and wavelength, but linearly in both within
    the first and the last day. So there are two kinds of rows: "cubic" ones for days 0 ... n - 1,
    of which the first and last are never met alone and follow from half a day further in; and
    linear ones for days 0, 1 and n - 2, n - 1.
    """
    tiny = 1e-9
    last = days - 1
    inner = np.arange(1, last - 1, dtype=float)
    phases = np.concatenate(
        [inner, [last - 1 - tiny, 1.5, last - 1.5, 0.0, 1 - tiny, last - 1.0, last]]
    )
    at = {name: inner.size + k for k, name in enumerate(("inside", "low", "high", "l0", "l1"))}
    rows = np.zeros((days + EDGE_ROWS, phases.size))
    rows[np.arange(1, last - 1), np.arange(inner.size)] = 1.0
    rows[last - 1, at["inside"]] = 1.0
    # F(1.5) = (9 (row_1 + row_2) - row_0 - row_3) / 16, solved for row_0; likewise at the end.
    rows[0] = 9 * (rows[1] + rows[2]) - rows[3]
    rows[0, at["low"]] -= 16.0
    rows[last] = 9 * (rows[last - 1] + rows[last - 2]) - rows[last - 3]
    rows[last, at["high"]] -= 16.0
    rows[days, at["l0"]], rows[days + 1, at["l1"]] = 1.0, 1.0
    rows[days + 4, at["l1"] + 1], rows[days + 5, at["l1"] + 2] = 1.0, 1.0
    return phases + first, rows


def band_table(source: Any, band: Any, z_count: int, n: int) -> dict[str, NDArray[Any]]:
    """Integrate a SALT source through one band at `z_count` redshifts from 0 in `Z_STEP`.

    Parameters
    ----------
    source : sncosmo.Source
        With parameters x0, x1, c and a ``colorlaw``.
    band : sncosmo.Bandpass
    z_count : int
    n : int
        Number of nodes across the band.
    """
    import sncosmo  # noqa: PLC0415  costs more than a second

    wave, step = integration_grid(band)
    weight = band(wave) * wave
    nodes = gauss_nodes(wave, weight, n)
    first, last = source.minphase(), source.maxphase()
    days = round(last - first) + 1
    phases, rows = phase_rows(first, days)
    zero_point = sncosmo.get_magsystem("ab").zpbandflux(band)
    scale = 10 ** (0.4 * AB_ZERO_POINT) / zero_point * step / sncosmo.constants.HC_ERG_AA
    basis = (lagrange(wave, nodes) * weight * scale).T

    redshifts = np.asarray(np.arange(z_count) * Z_STEP, dtype=float)
    covered = (band.minwave() >= source.minwave() * (1 + redshifts)) & (
        band.maxwave() <= source.maxwave() * (1 + redshifts)
    )
    values = np.zeros((z_count, 2, n, rows.shape[0]))
    law = np.zeros((z_count, n))
    off = 0.0
    for k in np.flatnonzero(covered):
        stretch = 1 / (1 + redshifts[k])
        m0, m1 = surfaces(source, phases, wave * stretch)
        values[k, 0] = (rows @ (m0 @ basis)).T * stretch
        values[k, 1] = (rows @ (m1 @ basis)).T * stretch
        law[k] = source.colorlaw(nodes / (1 + redshifts[k]))
        if k % 10 == 0 or k == z_count - 1 or not covered[k + 1]:
            exact = m0 * weight * scale, source.colorlaw(wave * stretch)
            off = max(off, off_by_nodes(*exact, m0 @ basis, law[k]))
    inside = np.flatnonzero(covered)
    limits = (inside[0], inside[-1]) if inside.size else (0, -1)
    return {
        "values": values,
        "law": law,
        "dust": extinction(nodes),
        "error": model_error(source, band, redshifts, covered),
        "limits": np.array(limits),
        "off": np.array(off),
    }


def extinction(wave: Floats) -> Floats:
    """Return the Milky Way's extinction at some wavelengths [Angstrom] for E(B-V) = 1 [mag]."""
    import sncosmo  # noqa: PLC0415  as above

    dust = sncosmo.F99Dust(r_v=R_V)
    dust.set(ebv=1.0)
    found: Floats = -2.5 * np.log10(dust.propagate(wave, np.ones_like(wave)))
    return found


def off_by_nodes(spectra: Floats, law: Floats, parts: Floats, law_at_nodes: Floats) -> float:
    """Return the largest error of the flux, as a share of the peak, that the nodes cause.

    Parameters
    ----------
    spectra : ndarray, shape (phases, wave)
        Integrand of the flux at c = 0, whose sum over wavelengths is the flux.
    law : ndarray, shape (wave,)
        Colour law.
    parts : ndarray, shape (phases, nodes)
        What the table holds of it.
    law_at_nodes : ndarray, shape (nodes,)
    """
    largest = 0.0
    for c in COLOURS:
        exact = spectra @ 10 ** (-0.4 * c * law)
        found = parts @ 10 ** (-0.4 * c * law_at_nodes)
        largest = max(largest, float(np.abs(found - exact).max() / np.abs(exact).max()))
    return largest


def model_error(source: Any, band: Any, redshifts: Floats, covered: NDArray[np.bool_]) -> Floats:
    """Return the relative error of the surfaces in a band, for each redshift and day.

    It is the scatter of real supernovae about the model that was found in its training: the
    variance surfaces and the colour dispersion, as `sncosmo` gives them for x1 = 0. It changes
    slowly with redshift and is computed every tenth node. Zero for a source without such errors.
    """
    phase = np.arange(round(source.maxphase() - source.minphase()) + 1) + source.minphase()
    error = np.zeros((redshifts.size, phase.size))
    nodes = np.flatnonzero(covered)
    if nodes.size == 0 or not hasattr(source, "bandflux_rcov"):
        return error
    some = np.unique(np.append(nodes[::10], nodes[-1]))
    source.set(x0=1.0, x1=0.0, c=0.0)
    for k in some:
        bands = np.full(phase.size, band.shifted(1 / (1 + redshifts[k])), dtype=object)
        variance = np.diag(source.bandflux_rcov(bands, phase))
        error[k] = np.sqrt(np.clip(np.nan_to_num(variance, nan=np.inf), 0.0, MOST_ERROR**2))
    for day in range(phase.size):
        error[:, day] = np.interp(redshifts, redshifts[some], error[some, day])
    return error


def surfaces(source: Any, phase: Floats, wave: Floats) -> tuple[Floats, Floats]:
    """Return M0 and M1 [erg / s / cm2 / A for x0 = 1] in the rest frame, shape (phase, wave).

    Taken from the source's public flux, which is linear in x1; changes the source's parameters.
    """
    order = np.argsort(phase)  # sources demand times in order
    m0, both = np.empty((2, phase.size, wave.size))
    source.set(x0=1.0, x1=0.0, c=0.0)
    m0[order] = source.flux(phase[order], wave)
    source.set(x1=1.0)
    both[order] = source.flux(phase[order], wave)
    return m0, both - m0


def build_tables(source: Any, bands: Sequence[str], z_max: float) -> SaltTables:
    """Return the tables of `bands` up to `z_max`, from the disk cache where they are there.

    Parameters
    ----------
    source : sncosmo.Source
        SALT2, SALT3 or alike.
    bands : sequence of str
        sncosmo names, each with a passband.
    z_max : float
        Largest redshift; rounded up to steps of 0.05 so that few tables serve all configs.

    Notes
    -----
    A cached table is keyed by the surfaces and the passband themselves, not by their names. A
    cache that cannot be read or written costs a few tenths of a second per band, nothing else.
    """
    source = copy.deepcopy(source)
    z_count = int(np.ceil(np.ceil(z_max / 0.05 - 1e-9) * 0.05 / Z_STEP - 1e-9)) + 4
    fingerprint = _fingerprint(source)
    passbands = [data.bandpass(name) for name in bands]
    parts: list[dict[str, NDArray[Any]]] = []
    for n in NODES:
        parts = [_stored(source, fingerprint, band, z_count, n) for band in passbands]
        if all(part["off"] < GOOD_NODES for part in parts):
            break
    days = round(source.maxphase() - source.minphase()) + 1
    shape = (0, z_count, 2, NODES[0], days + EDGE_ROWS)
    stack = {
        key: np.stack([part[key] for part in parts]) if parts else np.zeros(empty)
        for key, empty in (
            ("values", shape),
            ("law", (0, z_count, NODES[0])),
            ("dust", (0, NODES[0])),
            ("error", (0, z_count, days)),
            ("limits", (0, 2)),
        )
    }
    return SaltTables(
        bands=tuple(bands),
        values=stack["values"],
        law=stack["law"],
        dust=stack["dust"],
        error=stack["error"],
        first=stack["limits"][:, 0].astype(np.int64),
        last=stack["limits"][:, 1].astype(np.int64),
        first_phase=float(source.minphase()),
        days=days,
    )


def _fingerprint(source: Any) -> bytes:
    """Return what tells one set of surfaces from another: fluxes on a grid, and the colour law."""
    phase = np.linspace(source.minphase(), source.maxphase(), 48)
    wave = np.linspace(source.minwave(), source.maxwave(), 301)
    parts = [grid.tobytes() for grid in surfaces(source, phase, wave)]
    parts.append(np.asarray(source.colorlaw(wave)).tobytes())
    return hashlib.sha256(b"".join(parts)).digest()


def _stored(
    source: Any, fingerprint: bytes, band: Any, z_count: int, n: int
) -> dict[str, NDArray[Any]]:
    """Read one band's table from the cache folder, or make and keep it."""
    content = [fingerprint, band.wave.tobytes(), band.trans.tobytes()]
    content.append(f"{FORMAT} {z_count} {Z_STEP} {n}".encode())
    name = hashlib.sha256(b"".join(content)).hexdigest()[:24]
    path = cache_folder() / "salt" / f"{name}.npz"
    try:
        with path.open("rb") as file, np.load(file) as stored:
            return {key: stored[key] for key in KEYS}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        log.info("integrating SALT's surfaces through %s, once", band.name)
    table = band_table(source, band, z_count, n)
    _keep(path, table)
    return table


def _keep(path: Path, table: dict[str, NDArray[Any]]) -> None:
    """Write a table beside its place and rename it, so that no reader meets half a file."""
    beside = path.with_name(f".{path.name}.{np.random.default_rng().integers(1 << 40):x}.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(beside, **table)  # type: ignore[arg-type]
        beside.replace(path)
    except OSError as error:
        log.info("the table of SALT's surfaces is not kept: %s", error)
