"""Discs, polygons, MOC files and sky maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import InputError, UsageError
from aas2rto.sky.regions import WHOLE_SKY, coverage, positions, sky_map
from aas2rto.sky.regions.cells import borders, centres, covering, place, runs, size
from aas2rto.sky.regions.shapes import Disc, Polygon
from aas2rto.sky.regions.zones import Zone, zones
from aas2rto.tables.candidates import unit_vectors
from tests.sky.regions.test_zones import sphere

SQUARE = ((350.0, -10.0), (20.0, -12.0), (15.0, 30.0), (355.0, 25.0))


def share(region, n: int = 400_000) -> float:  # type: ignore[no-untyped-def]
    return float(region.contains(sphere(n)).mean()) * WHOLE_SKY


@pytest.mark.slow
def test_areas_are_those_that_random_positions_find() -> None:
    for region in (Disc(10, 80, 15), Disc(200, -30, 120), Polygon(SQUARE), Polygon(SQUARE[::-1])):
        assert share(region) == pytest.approx(region.area, rel=0.05)


def test_an_octant_is_an_eighth() -> None:
    octant = Polygon(((0.0, 0.0), (90.0, 0.0), (0.0, 90.0)))
    assert octant.area == pytest.approx(WHOLE_SKY / 8)


@given(st.floats(0, 360), st.floats(-90, 90), st.floats(1e-4, 179), st.floats(0, 360))
def test_a_disc_ends_at_its_radius(ra: float, dec: float, radius: float, angle: float) -> None:
    """Also around the poles, and however small."""
    disc = Disc(ra, dec, radius)
    (middle,) = unit_vectors(ra, dec)
    side = np.cross(middle, np.eye(3)[np.abs(middle).argmin()])
    side /= np.linalg.norm(side)
    turned = side * np.cos(angle) + np.cross(middle, side) * np.sin(angle)
    for factor, is_in in ((0.999, True), (1.001, False)):
        far = np.radians(radius * factor)
        at = np.cos(far) * middle + np.sin(far) * turned
        assert disc.contains(at[None])[0] == is_in
        assert disc.margin(at[None])[0] == pytest.approx(radius * (1 - factor), abs=2e-6)


def test_polygons_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 3 corners, not 2"):
        Polygon(((0.0, 0.0), (1.0, 0.0)))
    with pytest.raises(UsageError, match="smaller than half the sky"):
        Polygon(((0.0, 0.0), (120.0, 0.0), (240.0, 0.0)))


@given(st.floats(0, 360), st.floats(-60, 60))
def test_the_margin_of_a_polygon_has_its_sign(ra: float, dec: float) -> None:
    polygon = Polygon(SQUARE)
    at = unit_vectors(ra, dec)
    assert (polygon.margin(at)[0] > 0) == polygon.contains(at)[0]


def test_unknown_positions_lie_nowhere() -> None:
    nowhere = unit_vectors(np.nan, 10.0)
    assert not Disc(0, 0, 180).contains(nowhere)[0]
    assert not Polygon(SQUARE).contains(nowhere)[0]
    assert not zones()[0].contains(nowhere)[0]
    assert place(nowhere, np.array([0]), np.array([12 << 58])).tolist() == [-1]


def test_cells_reach_as_far_as_is_said() -> None:
    """No corner is farther from its centre than the search allows for."""
    from aas2rto.sky.regions.cells import FIRST, POINTS, RADIUS

    for order in (FIRST, FIRST + 2):
        cells = np.arange(12 * 4**order)
        around = borders(cells, order).reshape(-1, POINTS, 3)
        apart = np.linalg.norm(around - centres(cells, order)[:, None], axis=2).max()
        assert np.degrees(apart) < RADIUS * size(order)


def test_cells_cover_what_a_brute_search_finds() -> None:
    """At an order at which all cells can be asked."""
    order = 6
    for region in (Disc(83, -69, 7), Polygon(SQUARE), Zone(zones()[0].planet)):
        cells, orders = covering(region.margin, order)
        begin, end = runs(cells, orders)
        every = centres(np.arange(12 * 4**order), order)
        assert ((place(every, begin, end) >= 0) == region.contains(every)).all()


@pytest.fixture
def moc() -> None:
    pytest.importorskip("mocpy", reason="mocpy is not installed")


@pytest.mark.usefixtures("moc")
class TestMoc:
    """Files of HEALPix cells."""

    @pytest.mark.slow
    def test_at_order_14_it_agrees_with_the_formula(self) -> None:
        zone = zones(["earth"])[0]
        found = coverage.of_region(zone, 14)
        assert found.area == pytest.approx(zone.area, rel=1e-4)
        # Where it matters: near the zone, where one position in four is inside.
        rng = np.random.default_rng(5)
        lon, lat = rng.uniform(0, 2 * np.pi, 200_000), np.radians(rng.uniform(-1, 1, 200_000))
        from aas2rto.sky.regions.planets import ECLIPTIC

        at = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
        near = at @ ECLIPTIC
        assert (found.contains(near) == zone.contains(near)).mean() > 0.996
        anywhere = sphere(300_000)
        assert (found.contains(anywhere) == zone.contains(anywhere)).mean() >= 0.9999

    @pytest.mark.parametrize("suffix", [".fits", ".json", ".txt"])
    def test_it_is_read_as_it_was_written(self, tmp_path: Path, suffix: str) -> None:
        path = tmp_path / f"disc{suffix}"
        written = coverage.of_region(Disc(10, 20, 3), 9, name="disc")
        written.write(path)
        written.write(path)  # over the old one
        found = coverage.read(path)
        assert (found.name, found.order, found.area) == ("disc", 9, pytest.approx(written.area))
        at = sphere(20_000)
        assert (found.contains(at) == written.contains(at)).all()
        assert [one.name for one in tmp_path.iterdir()] == [path.name]

    def test_mocpy_itself_finds_the_same(self) -> None:
        from astropy import units as u

        found = coverage.of_region(Disc(10, 20, 30), 8)
        at = sphere(20_000)
        ra, dec = positions(at)
        theirs = found.moc().contains_lonlat(ra * u.deg, dec * u.deg)
        assert (found.contains(at) == theirs).all()

    @pytest.mark.slow
    def test_cells_that_are_touched_make_narrow_zones_wide(self) -> None:
        """The paper's jagged edge: +1.4 % for Mercury, more than twice the area for Neptune."""
        more = {
            name: coverage.of_region(zone, 12, touched=True).area / zone.area - 1
            for name, zone in (("mercury", zones()[0]), ("neptune", zones()[7]))
        }
        assert 0.01 < more["mercury"] < 0.02
        assert 1.0 < more["neptune"] < 1.3

    def test_files_that_are_none_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "no.fits"
        path.write_bytes(b"no MOC")
        with pytest.raises(InputError, match=r"no\.fits: (is no MOC file|cannot be opened)"):
            coverage.read(path)
        with pytest.raises(InputError, match=r"gone\.json: cannot be opened"):
            coverage.read(tmp_path / "gone.json")


def test_without_mocpy_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mocpy", None)
    with pytest.raises(UsageError, match=r"pip install 'aas2rto\[moc\]'"):
        coverage.of_region(Disc(0, 0, 1), 5).write(Path("nowhere.fits"))


def write_map(path: Path, columns: dict[str, np.ndarray], **header: object) -> Path:
    from astropy.io import fits

    table = fits.BinTableHDU.from_columns(
        [
            fits.Column(name=name, array=values, format="K" if values.dtype.kind == "i" else "D")
            for name, values in columns.items()
        ]
    )
    table.header.update(header)
    table.writeto(path)
    return path


def bell(at: np.ndarray, ra: float = 120.0, dec: float = 40.0, width: float = 6.0) -> np.ndarray:
    chord2 = ((at - unit_vectors(ra, dec)) ** 2).sum(axis=1)
    return np.asarray(np.exp(-chord2 / 2 / np.radians(width) ** 2))


def test_a_sky_map_of_a_bell_is_a_disc(tmp_path: Path) -> None:
    """Of a two-dimensional Gaussian 90 % lie within 2.146 sigma; flat, both orderings, and UNIQ."""
    from astropy_healpix.core import nested_to_ring

    order = 6
    cells = np.arange(12 * 4**order)
    density = bell(centres(cells, order))
    ring = np.empty_like(density)
    ring[nested_to_ring(cells, 2**order)] = density
    maps = [
        write_map(tmp_path / "nest.fits", {"PROB": density}, ORDERING="NESTED"),
        write_map(tmp_path / "ring.fits", {"PROB": ring}, ORDERING="RING"),
        write_map(
            tmp_path / "multi.fits",
            {"UNIQ": (cells + 4 ** (order + 1))[::-1].copy(), "PROBDENSITY": density[::-1].copy()},
        ),
    ]
    at = sphere(20_000)
    disc = Disc(120, 40, 6 * np.sqrt(-2 * np.log(0.1)))
    for path in maps:
        found = sky_map.read(path, 0.9)
        assert found.area == pytest.approx(disc.area, rel=0.02), path
        assert (found.contains(at) == disc.contains(at)).mean() > 0.995
        (middle,) = found.levels(unit_vectors(120, 40))
        assert middle < 0.02
        assert found.levels(unit_vectors(300, -40))[0] > 0.99


def test_a_galactic_map_is_turned(tmp_path: Path) -> None:
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    cells = np.arange(12 * 4**5)
    told = {"PROB": bell(centres(cells, 5), 30, 10)}
    path = write_map(tmp_path / "g.fits", told, ORDERING="NEST", COORDSYS="G")
    where = SkyCoord(l=30 * u.deg, b=10 * u.deg, frame="galactic").icrs
    found = sky_map.read(path, 0.5)
    assert found.contains(unit_vectors(where.ra.deg, where.dec.deg))[0]
    assert not found.contains(unit_vectors(30, 10))[0]


def test_what_is_no_sky_map_is_refused(tmp_path: Path) -> None:
    odd = write_map(tmp_path / "odd.fits", {"PROB": np.ones(100)})
    with pytest.raises(InputError, match="100 pixels are not 12 nside"):
        sky_map.read(odd)
    dark = write_map(tmp_path / "dark.fits", {"PROB": np.zeros(12)})
    with pytest.raises(InputError, match="holds no probability"):
        sky_map.read(dark)
    (tmp_path / "text.fits").write_text("hello")
    with pytest.raises(InputError, match="cannot be read"):
        sky_map.read(tmp_path / "text.fits")


@pytest.mark.parametrize("cell", [0, 3, -5, 1 << 62])
def test_a_map_whose_cells_are_none_costs_itself(tmp_path: Path, cell: int) -> None:
    told = {"UNIQ": np.array([4, cell]), "PROBDENSITY": np.ones(2)}
    path = write_map(tmp_path / "wrong.fits", told, ORDERING="NUNIQ")
    with pytest.raises(InputError, match=r"wrong\.fits: is no HEALPix sky map \(a UNIQ"):
        sky_map.read(path)
