"""The batched engine against sncosmo: the same fluxes, and no worse minima."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sncosmo

from aas2rto import data
from aas2rto.models.compiled import problem, salt
from aas2rto.models.lightcurves import pack
from aas2rto.models.salt import Salt
from aas2rto.models.salt_batched import BatchedEngine
from aas2rto.models.salt_tables import Z_STEP, build_tables
from aas2rto.models.sncosmo_engine import (
    Points,
    Start,
    fit_one,
    model_flux,
    model_with_dust,
    starts,
)
from aas2rto.tables import photometry as phot
from tests.shared import SHARED
from tests.simulated import Visits, simulate_salt

T0 = 61000.0


def flux_by_kernel(made, band, mjd, truth):
    tables = problem.Tables(
        made.values,
        made.law,
        made.dust,
        made.error,
        np.zeros(made.days),
        made.first,
        made.last,
        Z_STEP,
        made.first_phase,
        made.days,
    )
    p = np.array([truth["t0"], np.log(truth["x0"]), truth["x1"], truth["c"], truth["z"]])
    out = np.empty(mjd.size)
    rows = np.full(mjd.size, made.bands.index(band))
    salt.flux_many(tables, made.dust * truth["ebv"], mjd, rows, p, out)
    return out


def worst_flux(source, bands, rng, n, z_range=(0.001, 0.2)):
    """Return the largest error in shares of the peak, and of the flux where it is above a tenth."""
    made, dusty = build_tables(source, bands, z_range[1]), model_with_dust(source)
    of_peak, of_flux = [0.0], [0.0]
    for _ in range(n):
        truth = {
            "z": rng.uniform(*z_range),
            "t0": T0 + rng.uniform(),
            "x0": 1e-3,
            "x1": rng.uniform(-4, 4),
            "c": rng.uniform(-0.4, 0.6),
            "ebv": rng.uniform(0, 0.5),
        }
        dusty.set(**{name: value for name, value in truth.items() if name != "ebv"})
        dusty.set(mwebv=truth["ebv"])
        mjd = truth["t0"] + np.linspace(-22, 53, 120) * (1 + truth["z"])
        for k, band in enumerate(bands):
            if not made.first[k] * Z_STEP <= truth["z"] <= made.last[k] * Z_STEP:
                continue
            exact = model_flux(dusty, [band] * mjd.size, mjd)
            error = np.abs(flux_by_kernel(made, band, mjd, truth) - exact)
            peak = np.abs(exact).max()
            bright = np.abs(exact) > 0.1 * peak
            of_peak.append(error.max() / peak)
            of_flux.append((error[bright] / np.abs(exact[bright])).max())
    return max(of_peak), max(of_flux)


@pytest.mark.slow
def test_fluxes_are_those_of_sncosmo():
    """In every packaged band, for -4 < x1 < 4, -0.4 < c < 0.6, z < 0.2 and E(B-V) < 0.5."""
    bands = tuple(band for band in phot.BANDS if data.has_bandpass(band))
    assert {"ztfg", "ztfr", "atlasc", "atlaso", "lsstu", "lsstg", "lssty"} <= set(bands)
    of_peak, of_flux = worst_flux(data.salt_source(), bands, np.random.default_rng(3), 12)
    assert of_peak < 6e-5
    assert of_flux < 1.5e-4


@pytest.mark.proof
def test_fluxes_are_those_of_sncosmo_where_the_colour_law_ends():
    """Bands bluer than 2800 A at rest; with eight nodes they would be off by 1e-3 of the peak."""
    bands = ("ztfg", "atlasc", "lsstu", "lsstr")
    made = build_tables(data.salt_source(), bands, 0.75)
    assert made.law.shape[2] > build_tables(data.salt_source(), bands, 0.2).law.shape[2]
    of_peak, of_flux = worst_flux(
        data.salt_source(), bands, np.random.default_rng(4), 12, (0.4, 0.75)
    )
    assert of_peak < 5e-5
    assert of_flux < 1e-4


@pytest.mark.slow
@pytest.mark.real_data
def test_fluxes_of_salt2_from_a_folder_are_those_of_sncosmo():
    source = data.salt_source(str(SHARED / "sncosmo" / "models" / "salt2" / "salt2-4"))
    of_peak, of_flux = worst_flux(source, ("ztfg", "ztfr"), np.random.default_rng(4), 6)
    assert of_peak < 6e-5
    assert of_flux < 1.5e-4


def test_tables_are_kept_by_content(tmp_path, monkeypatch):
    """The same surfaces give the same file; a spoilt file is made anew."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = build_tables(data.salt_source(), ("ztfr",), 0.05)
    (path,) = tmp_path.rglob("*.npz")
    made = path.stat().st_mtime_ns
    again = build_tables(data.salt_source(), ("ztfr",), 0.05)
    assert path.stat().st_mtime_ns == made
    np.testing.assert_array_equal(first.values, again.values)
    path.write_bytes(path.read_bytes()[:1000])
    repaired = build_tables(data.salt_source(), ("ztfr",), 0.05)
    np.testing.assert_array_equal(first.values, repaired.values)


def simulated(n, seed):
    """Return light curves of 10 to 40 points with noise, and their truth."""
    rng = np.random.default_rng(seed)
    truth = pd.DataFrame(
        {
            "candidate_id": [f"SN{i:03d}" for i in range(n)],
            "z": rng.uniform(0.01, 0.1, n),
            "t0": T0 + rng.uniform(0, 1, n),
            "x1": rng.normal(0, 1, n),
            "c": rng.normal(0, 0.1, n),
            "ebv": rng.uniform(0.01, 0.1, n),
        }
    )
    mag = -19.36 - 0.14 * truth["x1"] + 3.1 * truth["c"] + 5 * np.log10(truth["z"] * 4.28e3) + 25
    truth["x0"] = 10 ** (-0.4 * (mag - 10.5))

    def visits(i):
        count = rng.integers(10, 41)
        mjd = np.sort(truth["t0"][i] + rng.uniform(-16, rng.choice([0.0, 15.0, 45.0]), count))
        noise = np.full(count, 6.0)
        return Visits(mjd, rng.choice(["ztfg", "ztfr"], count), noise)

    return simulate_salt(truth, visits, rng=rng), truth


def by_sncosmo(table, truth, *, free):
    """Return the lowest chi2 that sncosmo finds from its starts and from the truth."""
    dusty = model_with_dust(data.salt_source())
    found = []
    for row in truth.to_dict("records"):
        own = table[table["candidate_id"] == row["candidate_id"]]
        points = Points(*(own[name].to_numpy() for name in ("mjd", "flux", "flux_err", "band")))
        begin = starts(points, np.nan if free else row["z"], (0.001, 0.2))
        begin = [*begin[:: 4 if free else 3], Start(row["z"], row["t0"], row["x1"], row["c"])]
        z_range = (0.001, 0.2) if free else None
        found.append(fit_one(dusty, points, begin, ebv=row["ebv"], z_range=z_range).chisq)
    return np.array(found)


@pytest.mark.proof
@pytest.mark.parametrize("free", [False, True])
def test_no_minimum_is_worse_than_that_of_sncosmo(free):
    table, truth = simulated(16, seed=11)
    known = truth[["candidate_id", "ebv"]].assign(redshift=np.nan if free else truth["z"])
    fits = Salt(priors="none", redshift=(0.001, 0.2), min_detections=1).fit(table, known)
    assert (fits["status"] == "ok").all()
    worse = fits["chisq"].to_numpy() - by_sncosmo(table, truth, free=free)
    assert worse.max() < 0.1


@pytest.mark.slow
def test_the_sncosmo_engine_agrees_with_the_batched_one():
    table, truth = simulated(3, seed=5)
    known = truth[["candidate_id", "ebv"]].assign(redshift=truth["z"])
    ours = Salt(priors="none", min_detections=1).fit(table, known)
    theirs = Salt(priors="none", min_detections=1, engine="sncosmo", workers=1).fit(table, known)
    np.testing.assert_allclose(ours["t_peak"], theirs["t_peak"], atol=0.05)
    np.testing.assert_allclose(ours["chisq"], theirs["chisq"], atol=0.1)
    np.testing.assert_allclose(ours["t_peak_err"], theirs["t_peak_err"], rtol=0.05)


@pytest.mark.slow
def test_from_one_start_it_is_what_fit_lc_finds_by_itself():
    """The paper's recipe: `sncosmo.fit_lc` called as its manual does, the redshift free."""
    table, truth = simulated(3, seed=6)
    known = truth[["candidate_id", "ebv"]].assign(redshift=np.nan)
    settings = {"redshift": (0.001, 0.2), "min_detections": 1, "priors": "none", "workers": 1}
    found = Salt(**settings, engine="sncosmo", starts="one").fit(table, known)
    for row, ebv in zip(found.to_dict("records"), truth["ebv"], strict=True):
        own = table[table["candidate_id"] == row["candidate_id"]]
        model = model_with_dust(data.salt_source())
        model.set(mwebv=ebv)
        points = {"time": own["mjd"], "flux": own["flux"], "fluxerr": own["flux_err"]}
        points["band"] = [data.bandpass(name) for name in own["band"]]
        points |= {"zp": np.full(len(own), phot.AB_ZERO_POINT), "zpsys": ["ab"] * len(own)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result, _ = sncosmo.fit_lc(
                {name: np.asarray(values) for name, values in points.items()},
                model,
                ["z", "t0", "x0", "x1", "c"],
                bounds={"z": (0.001, 0.2)},
            )
        assert row["chisq"] == pytest.approx(result.chisq, abs=1e-3)
        assert row["t_peak"] == pytest.approx(result.parameters[1], abs=1e-2)


def test_one_candidate_does_not_depend_on_the_others():
    table, truth = simulated(6, seed=8)
    known = truth[["candidate_id", "ebv"]].assign(redshift=np.nan)
    salt_model = Salt(min_detections=1, workers=2)
    together = salt_model.fit(table, known)
    for k in (0, 3):
        alone = salt_model.fit(table, known.iloc[[k]])
        assert alone["t_peak"][0] == together["t_peak"][k]
        assert alone["parameters"][0] == together["parameters"][k]


@pytest.mark.slow
def test_a_far_candidate_is_fitted_beside_near_ones():
    """Beyond `redshift`, a known one needs larger tables; the others do not change."""
    table, truth = simulated(4, seed=21)
    known = truth[["candidate_id", "ebv"]].assign(redshift=truth["z"])
    far = known.assign(redshift=[*known["redshift"][:3], 0.6])
    fits, together = Salt().fit(table, known), Salt().fit(table, far)
    assert list(together["status"]) == ["ok"] * 4
    assert list(together["parameters"][:3]) == list(fits["parameters"][:3])
    assert together["parameters"][3]["z"] == 0.6
    alone = Salt().fit(table, far.iloc[[3]])
    assert alone["parameters"][0] == together["parameters"][3]


@pytest.mark.proof
def test_a_minimum_where_a_point_falls_out_of_the_surfaces():
    """Their flux ends at +50 d; with a bright point there, the best t0 lies on that step."""
    rng = np.random.default_rng(6)
    mjd = np.append(T0 + np.arange(12.0, 46.0, 2.0), T0 + 50.0)
    dusty = model_with_dust(data.salt_source())
    dusty.set(z=0.05, t0=T0, x0=2e-3, x1=0.0, c=0.0, mwebv=0.0)
    band = np.where(np.arange(mjd.size) % 2, "ztfg", "ztfr")
    flux = model_flux(dusty, list(band), T0 + (mjd - T0) * 1.05)
    flux[-1] *= 4.0  # it wants to be out, the others want t0 to stay
    error = np.full(mjd.size, 0.02 * flux.max())
    flux += error * rng.normal(size=mjd.size)
    table = phot.conform(
        pd.DataFrame(
            {
                "candidate_id": "a",
                "mjd": T0 + (mjd - T0) * 1.05,
                "band": band,
                "flux": flux,
                "flux_err": error,
                "kind": phot.DETECTION,
                "survey": "ztf",
            }
        )
    )
    asked = pd.DataFrame({"candidate_id": ["a"], "ebv": [0.0], "redshift": [0.05]})
    curves = pack(table, asked, data.has_bandpass)
    engine = BatchedEngine(data.salt_source(), None, (0.001, 0.2), workers=1)
    ours = engine.fit(curves, np.ones(1, dtype=bool), np.zeros(1, dtype=bool)).chisq[0]
    points = Points(*(table[name].to_numpy() for name in ("mjd", "flux", "flux_err", "band")))
    begin = [
        Start(0.05, T0 + day, x1, c)
        for day in np.arange(-4, 4.5, 0.5)
        for x1 in (-2.0, 0.0, 2.0)
        for c in (-0.2, 0.2)
    ]
    theirs = fit_one(dusty, points, begin, ebv=0.0, z_range=None).chisq
    assert ours < theirs + 0.1


def test_faint_light_curves_that_are_hardly_worth_their_priors_have_a_fit():
    """All points at phases where the surfaces say little: the weights fall after the first fit."""
    table, truth = simulated(40, seed=30)
    phase = table["mjd"] - table["candidate_id"].map(truth.set_index("candidate_id")["t0"])
    young = table[phase < -13.0].reset_index(drop=True)
    young = young.assign(flux_err=young["flux_err"] * 0.1)
    asked = truth[["candidate_id", "ebv"]].assign(redshift=np.nan)
    fits = Salt(min_detections=3).fit(young, asked).set_index("candidate_id")
    # Of these, the last scan finds no source that is worth its priors.
    assert list(fits.loc[["SN004", "SN025", "SN037"], "status"]) == ["ok"] * 3


@pytest.mark.slow
def test_errors_of_the_peak_are_honest():
    """Of 300 noisy light curves with priors, 60-76 % lie within their error, > 91 % within two."""
    table, truth = simulated(300, seed=21)
    known = truth[["candidate_id", "ebv"]].assign(redshift=truth["z"])
    fits = Salt(min_detections=1, model_error=False).fit(table, known)
    pull = (fits["t_peak"] - truth["t0"]) / fits["t_peak_err"]
    assert 0.60 < (pull.abs() < 1).mean() < 0.76
    assert (pull.abs() < 2).mean() > 0.91


def test_one_sided_limits_pull_where_the_model_is_brighter():
    """Limits before the explosion tell a light curve that is only seen late when it peaked."""
    truth = pd.DataFrame(
        [{"candidate_id": "SN", "z": 0.05, "t0": T0, "x0": 2e-3, "x1": 0.0, "c": 0.0, "ebv": 0.0}]
    )

    def late(_):
        mjd = np.arange(T0 + 12, T0 + 24, 1.0)
        return Visits(mjd, np.tile(["ztfg", "ztfr"], mjd.size // 2), np.full(mjd.size, 12.0))

    seen = simulate_salt(truth, late)
    limits = seen.iloc[:4].assign(mjd=T0 - 20.0 + 0.3 * np.arange(4), kind=phot.LIMIT)
    limits = limits.assign(flux=np.nan, flux_err=np.nan)
    both = pd.concat([limits.assign(limit=10.0), seen]).sort_values("mjd").reset_index(drop=True)
    known = truth[["candidate_id", "ebv"]].assign(redshift=0.05)
    without = Salt(non_detections="ignore").fit(both, known).iloc[0]
    with_them = Salt().fit(both, known).iloc[0]
    assert without["n_points"] == with_them["n_points"] == len(seen)
    assert with_them["t_peak_err"] < 0.8 * without["t_peak_err"]
    assert with_them["t_peak"] > without["t_peak"]


def test_one_wrong_limit_does_not_decide():
    """ZTF sends no alert for some exposures of what it sees half an hour later."""
    table, truth = simulated(1, seed=30)
    known = truth[["candidate_id", "ebv"]].assign(redshift=truth["z"])
    bright = table.loc[[table["flux"].idxmax()]]
    wrong = bright.assign(mjd=bright["mjd"] - 0.02, flux=np.nan, flux_err=np.nan, kind=phot.LIMIT)
    wrong = wrong.assign(limit=0.2 * bright["flux"])
    both = pd.concat([table, wrong]).sort_values("mjd").reset_index(drop=True)
    right, spoilt = (Salt(min_detections=1).fit(t, known).iloc[0] for t in (table, both))
    assert abs(spoilt["t_peak"] - right["t_peak"]) < 0.3 * right["t_peak_err"]


def test_robust_fits_shrug_off_an_outlier():
    table, truth = simulated(1, seed=30)
    spoilt = table.copy()
    spoilt.loc[spoilt.index[4], "flux"] += 40 * spoilt.loc[spoilt.index[4], "flux_err"]
    known = truth[["candidate_id", "ebv"]].assign(redshift=truth["z"])
    right = Salt(min_detections=1).fit(table, known)["t_peak"][0]
    plain = Salt(min_detections=1).fit(spoilt, known)["t_peak"][0]
    robust = Salt(min_detections=1, robust=True).fit(spoilt, known)["t_peak"][0]
    assert abs(robust - right) < 0.5 * abs(plain - right)


def test_draws_follow_the_covariance():
    table, truth = simulated(1, seed=31)
    known = truth[["candidate_id", "ebv"]].assign(redshift=truth["z"])
    fit = Salt(min_detections=1).fit(table, known).iloc[0].to_dict()
    drawn = Salt.draws(fit, 4000, seed=1)
    assert list(drawn) == ["t0", "x0", "x1", "c"]
    assert drawn["t0"].std() == pytest.approx(fit["errors"]["t0"], rel=0.05)
    pd.testing.assert_frame_equal(drawn, Salt.draws(fit, 4000, seed=1))


HOSTILE = {
    "5,000 points": (lambda t: pd.concat([t.assign(mjd=t["mjd"] + k * 1e-3) for k in range(200)])),
    "twelve decades of flux": lambda t: t.assign(
        flux=t["flux"] * 10.0 ** np.linspace(-6, 6, len(t)),
        flux_err=t["flux_err"] * 10.0 ** np.linspace(-6, 6, len(t)),
    ),
    "twelve decades of error": lambda t: t.assign(
        flux_err=t["flux_err"] * 10.0 ** np.linspace(-6, 6, len(t))
    ),
    "huge fluxes": lambda t: t.assign(flux=t["flux"] * 1e300, flux_err=t["flux_err"]),
    "tiny errors": lambda t: t.assign(flux_err=1e-300),
    "huge errors": lambda t: t.assign(flux_err=1e200),
    "negative fluxes": lambda t: t.assign(flux=-t["flux"].abs()),
    "zero fluxes": lambda t: t.assign(flux=0.0),
    "ten years": lambda t: t.assign(mjd=t["mjd"] + np.linspace(0, 3650, len(t))),
    "times in the Stone Age": lambda t: t.assign(mjd=t["mjd"] - 4e6),
    "a jump of a million days": lambda t: t.assign(mjd=t["mjd"] + (t.index > t.index[9]) * 1e6),
    "a jump of a billion years": lambda t: t.assign(mjd=t["mjd"] + (t.index > t.index[9]) * 4e11),
    "one time": lambda t: t.assign(mjd=T0, survey=[f"s{k}" for k in range(len(t))]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("priors", ["priors", "none"])
def test_whatever_comes_in_costs_only_itself(case, free, priors):
    """Each gets a status and a reason, and its neighbour the fit that it would get alone."""
    table, truth = simulated(2, seed=40)
    one, other = (group for _, group in table.groupby("candidate_id"))
    known = truth[["candidate_id", "ebv"]].assign(redshift=np.nan if free else truth["z"])
    both = pd.concat([HOSTILE[case](one.assign(kind=phot.DETECTION)), other], ignore_index=True)
    settings = {"priors": "none"} if priors == "none" else {}
    salt_model = Salt(min_detections=1, **settings)
    fits = salt_model.fit(both, known)
    assert fits["status"][0] in ("ok", "failed")
    assert fits["reason"][0]
    if fits["status"][0] == "ok":
        assert np.isfinite(fits["t_peak"][0])
    alone = salt_model.fit(other, known.iloc[[1]])
    assert fits["t_peak"][1] == alone["t_peak"][0]
