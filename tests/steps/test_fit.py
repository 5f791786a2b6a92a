"""Models run for what changed, and a failing one costs its own columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from aas2rto.config.case import PartConfig
from aas2rto.models.fit_table import Fit, failed, fit_table, not_enough
from aas2rto.parts.registry import Part
from aas2rto.sky import dust
from aas2rto.steps import fit as fitting
from aas2rto.steps.cycle import BoundModel
from aas2rto.steps.fit import digests, fit_changed, join
from aas2rto.steps.fit_memory import OnlyRead, Remembering
from tests.conftest import MJD, make_candidates, make_objects, make_photometry, make_report


class Counting:
    """A model that says of each candidate how many points it has, and remembers its calls."""

    def __init__(self, answer=None):
        self.asked = []
        self.answer = answer

    def fit(self, photometry, candidates):
        self.asked.append(candidates["candidate_id"].tolist())
        self.seen = photometry
        if self.answer is not None:
            return self.answer(photometry, candidates)
        return fit_table(
            candidates["candidate_id"].to_numpy(object),
            [self._one(photometry, name) for name in candidates["candidate_id"]],
        )

    @staticmethod
    def _one(photometry, name):
        n = int((photometry["candidate_id"] == name).sum())
        if n < 2:
            return not_enough(n, 2)
        return Fit(
            "ok",
            f"{n} points",
            t_peak=MJD + n,
            t_peak_err=0.5,
            chisq=1.0,
            ndof=2.0,
            n_points=n,
            parameters={"x1": n / 10, "z": 0.1},
            errors={"x1": 0.01},
            covariance=[[1e-4]],
        )


NAMES = ["a", "b", "c"]


def curves(**counts):
    tables = [
        make_photometry(name, MJD - np.arange(n, 0, -1), measurement_id=[str(i) for i in range(n)])
        for name, n in counts.items()
    ]
    return pd.concat(tables, ignore_index=True)


PHOTOMETRY = curves(a=4, b=3, c=1)


@pytest.fixture
def store(store):
    store.ingest(make_report(make_objects(NAMES, ra=[10.0, 20.0, 30.0])), MJD)
    return store


def candidates(names=NAMES, **columns):
    return make_candidates(names, ra=[10.0, 20.0, 30.0][: len(names)], **columns)


def bound(model=None, name="mine", digest="d1"):
    return BoundModel(name, model or Counting(), digest)


def run(memory, model, table=None, photometry=PHOTOMETRY):
    memory = getattr(memory, "fits", memory)
    return fit_changed([model], candidates() if table is None else table, photometry, memory)


# -- what is fitted again -------------------------------------------------------------------------


def test_nothing_is_fitted_twice(store):
    """Neither in the next cycle nor after a restart; the answer is the same."""
    model = bound()
    first = run(store.fits, model)
    again = bound()
    second = run(store.fits, again)
    assert model.model.asked == [NAMES]
    assert again.model.asked == []
    assert (first.fresh, second.fresh) == ({"mine": 3}, {"mine": 0})
    one, two = (join(candidates(), fits) for fits in (first, second))
    pd.testing.assert_frame_equal(one, two, check_dtype=False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "refitted"),
    [
        ({"photometry": curves(a=4, b=4, c=1)}, ["b"]),
        ({"photometry": PHOTOMETRY.assign(flux=PHOTOMETRY["flux"] * 1.001)}, NAMES),
        ({"photometry": PHOTOMETRY.assign(kind="suspect")}, NAMES),
        ({"photometry": PHOTOMETRY.assign(source="other", known_at=1.0)}, []),
        ({"photometry": PHOTOMETRY.iloc[::-1]}, []),
        ({"table": candidates(redshift=[0.05, np.nan, np.nan])}, ["a"]),
        ({"table": candidates(name="new name", spectral_type="SN Ia")}, []),
        ({"table": candidates(["a", "b"])}, []),
        ({"model": bound(digest="d2")}, NAMES),
        ({"model": bound(name="other")}, NAMES),
    ],
    ids=[
        "more data",
        "other flux",
        "other kind",
        "other source",
        "other order",
        "redshift",
        "name",
        "fewer candidates",
        "other settings",
        "other model",
    ],
)
def test_what_changed_is_fitted_again(store, change, refitted):
    """Data, redshift, settings: all that a fit depends on, and nothing else."""
    run(store.fits, bound())
    model = change.pop("model", bound())
    run(store.fits, model, **change)
    assert model.model.asked == ([refitted] if refitted else [])


def test_another_dust_map_is_another_fit(store, monkeypatch):
    """`prime` fetches a better one."""
    run(store.fits, bound())
    monkeypatch.setattr(dust, "ebv", lambda ra, dec: np.full(len(ra), 0.5))
    model = bound()
    run(store.fits, model)
    assert model.model.asked == [NAMES]


def test_looking_does_not_store(store):
    """`explain` fits for itself."""
    run(OnlyRead(store.fits), bound())
    assert store.fits.of("mine").empty


def test_a_digest_does_not_depend_on_the_others():
    """Nor on the order of candidates or rows, nor on how texts are kept in memory."""
    table = candidates(redshift=[0.1, 0.2, np.nan]).assign(ebv=[0.01, 0.02, 0.03])
    found = digests(PHOTOMETRY, table, "s")
    assert found.is_unique
    alone = digests(PHOTOMETRY, table.iloc[[1]], "s")
    assert alone["b"] == found["b"]
    as_categories = PHOTOMETRY.sample(frac=1, random_state=1).astype(
        {"candidate_id": "category", "band": "category", "kind": "category"}
    )
    assert digests(as_categories, table.iloc[::-1], "s").to_dict() == found.to_dict()


# -- models that fail -----------------------------------------------------------------------------


def fail(*_):
    raise RuntimeError("no convergence\nat all")


def test_a_model_that_raises_costs_its_own_columns(store):
    """Every candidate says why, the other model works, and the next cycle tries again."""
    bad, good = bound(Counting(fail), "bad"), bound(name="good")
    for _ in range(2):
        found = fit_changed([bad, good], candidates(), PHOTOMETRY, store.fits)
    assert [str(failure) for failure in found.failures] == [
        "model bad: RuntimeError: no convergence at all"
    ]
    assert len(bad.model.asked) == 2
    assert len(good.model.asked) == 1
    table = join(candidates(), found)
    assert table["bad_status"].tolist() == ["failed"] * 3
    assert table["bad_reason"].tolist() == ["RuntimeError: no convergence at all"] * 3
    assert table["model"].tolist() == ["good", "good", ""]


@pytest.mark.slow
@pytest.mark.parametrize(
    "answer",
    [
        lambda photometry, c: fit_table(np.array(["a"], object), [failed("x")]),
        lambda photometry, c: fit_table(np.array(["a", "b", "b"], object), [failed("x")] * 3),
        lambda photometry, c: fit_table(np.array(["a", "b", "z"], object), [failed("x")] * 3),
        lambda photometry, c: pd.DataFrame(),
        lambda photometry, c: None,
    ],
    ids=["too few", "twice", "a stranger", "no columns", "nothing"],
)
def test_a_model_that_answers_for_others_than_asked_has_failed(store, answer):
    """One row per candidate, or none is believed."""
    found = run(store.fits, bound(Counting(answer)))
    assert len(found.failures) == 1
    assert join(candidates(), found)["mine_status"].tolist() == ["failed"] * 3
    assert store.fits.of("mine").empty


def test_a_model_may_answer_in_any_order(store):
    """Rows are put in the order of the candidates."""
    found = run(store.fits, bound(Counting(lambda p, c: Counting().fit(p, c).iloc[::-1])))
    assert found.failures == []
    assert join(candidates(), found)["mine_n_points"].tolist() == [4.0, 3.0, 1.0]


def test_a_failed_fit_is_reported_and_tried_again(store):
    """One line for each reason; all are kept, and the next program tries what failed once more."""

    def answer(photometry, table):
        good = Counting().fit(photometry, table)
        bad = fit_table(
            table["candidate_id"].to_numpy(object),
            [failed(f"no peak ({n} bands)") for n in range(len(table))],
        )
        return pd.concat([good.iloc[:1], bad.iloc[1:]], ignore_index=True)

    model = bound(Counting(answer))
    found = run(store.fits, model)
    assert [str(f) for f in found.failures] == ["model mine (b and others): no peak (2 of 3 fits)"]
    assert store.fits.of("mine")["status"].tolist() == ["ok", "failed", "failed"]
    run(Remembering(store.fits, try_again=True), model)
    assert model.model.asked == [NAMES, ["b", "c"]]


def test_a_model_gets_plain_texts_and_only_its_candidates(store):
    """Whatever the store keeps in memory."""
    photometry = PHOTOMETRY.astype({"band": "category", "candidate_id": "category"})
    model = bound()
    run(store.fits, model, table=candidates(["a", "b"]), photometry=photometry)
    assert set(model.model.seen["candidate_id"]) == {"a", "b"}
    assert model.model.seen["band"].dtype == PHOTOMETRY["band"].dtype
    assert model.model.seen.index.tolist() == list(range(7))


# -- fits as columns ------------------------------------------------------------------------------


def test_fits_become_columns_with_the_models_name(store):
    """Parameters and errors, too; unknown where there is no fit."""
    table = join(candidates(), run(store.fits, bound()))
    assert table["mine_x1"].tolist() == pytest.approx([0.4, 0.3, np.nan], nan_ok=True)
    assert table["mine_x1_err"].tolist() == pytest.approx([0.01, 0.01, np.nan], nan_ok=True)
    assert table["t_peak"].tolist() == pytest.approx([MJD + 4, MJD + 3, np.nan], nan_ok=True)
    assert table["mine_status"].tolist() == ["ok", "ok", "not_enough_data"]
    assert "1 usable detection, at least 2" in table["mine_reason"].iloc[2]


def test_the_first_good_model_gives_the_peak(store):
    """In the order of the config, candidate by candidate."""

    def patient(photometry, table):
        fits = [Fit("ok", "", t_peak=1.0, t_peak_err=0.1) for _ in table["candidate_id"]]
        fits[0] = failed("no")
        return fit_table(table["candidate_id"].to_numpy(object), fits)

    models = [bound(Counting(patient), "first"), bound(name="second")]
    table = join(candidates(), fit_changed(models, candidates(), PHOTOMETRY, store.fits))
    assert table["model"].tolist() == ["second", "first", "first"]
    assert table["t_peak"].tolist() == [MJD + 4, 1.0, 1.0]


def test_the_best_model_may_give_the_peak(store):
    """By chi2 and the number of parameters, per point; one that fails is never the best."""

    def like(chisq, ndof):
        def answer(photometry, table):
            fits = [
                Fit("ok", "", t_peak=chisq, t_peak_err=0.1, chisq=chisq, ndof=ndof, n_points=10.0)
                for _ in table["candidate_id"]
            ]
            fits[0] = failed("no")
            return fit_table(table["candidate_id"].to_numpy(object), fits)

        return answer

    models = [
        bound(Counting(like(20.0, 8.0)), "simple"),
        bound(Counting(like(17.0, 4.0)), "rich"),
        bound(Counting(like(12.0, 7.0)), "right"),
    ]
    found = fit_changed(models, candidates(), PHOTOMETRY, store.fits)
    assert join(candidates(), found)["model"].tolist() == ["", "simple", "simple"]
    table = join(candidates(), found, "best")
    assert table["model"].tolist() == ["", "right", "right"]
    assert table["t_peak"].tolist() == pytest.approx([np.nan, 12.0, 12.0], nan_ok=True)
    assert table["right_evidence"].iloc[1] == pytest.approx((12.0 + 3 * np.log(10.0)) / 10)
    assert np.isnan(table["right_evidence"].iloc[0])
    assert (table["rich_evidence"] > table["simple_evidence"]).iloc[1]


def test_a_good_fit_without_a_peak_is_not_chosen(store):
    """A peak is what the factors ask for."""

    def aimless(photometry, table):
        names = table["candidate_id"].to_numpy(object)
        return fit_table(names, [Fit("ok", "flat")] * len(names))

    table = join(candidates(), run(store.fits, bound(Counting(aimless))))
    assert table["model"].tolist() == ["", "", ""]


def test_what_a_broker_calls_a_peak_is_none(store):
    """An annotation of the same name makes no second column."""
    table = join(candidates(t_peak=1.0, model="theirs", mine_x1=9.0), run(store.fits, bound()))
    assert table.columns.is_unique
    assert table["model"].tolist() == ["mine", "mine", ""]
    assert table["mine_x1"].iloc[0] == pytest.approx(0.4)


def test_no_candidates_and_no_models_are_fine(store):
    """An empty night, and a case without models."""
    model = bound()
    found = run(store.fits, model, table=candidates().iloc[:0])
    assert model.model.asked == []
    assert len(join(candidates().iloc[:0], found)) == 0
    table = join(candidates(), fit_changed([], candidates(), PHOTOMETRY, store.fits))
    assert table["t_peak"].isna().all()
    assert table["model"].tolist() == ["", "", ""]


def test_candidates_that_are_not_kept_have_no_fit(store):
    """The prefilter spared the time."""
    found = run(store.fits, bound(), table=candidates(["a"]))
    table = join(candidates(), found)
    assert table["model"].tolist() == ["mine", "", ""]
    assert table["mine_status"].isna().tolist() == [False, True, True]


def test_a_light_curve_that_is_in_no_store_can_be_fitted():
    """`explain` takes a file, too."""
    found = fit_changed([bound()], candidates(["a"]), PHOTOMETRY, OnlyRead())
    assert found.fresh == {"mine": 1}
    assert found.tables["mine"]["reason"].tolist() == ["4 points"]


def test_the_probability_of_a_peak_within_a_day_stands_beside():
    """For every candidate, unknown without a fit."""
    table = make_candidates(["a", "b"]).assign(t_peak=[MJD, np.nan], t_peak_err=[1.0, np.nan])
    found = fitting.add_peak_probability(table, MJD)
    assert found["p_peak_1d"].tolist() == pytest.approx([0.6827, np.nan], abs=1e-4, nan_ok=True)
    assert found["now_mjd"].tolist() == [MJD, MJD]


# -- setting up -----------------------------------------------------------------------------------


class Settled:
    def __init__(self, *, depth: float = 1.0) -> None:
        if depth < 0:
            raise ValueError("depth is negative")


def part(**settings):
    found = Part("model", "settled", Settled)
    return PartConfig("mine", found, found.options(**settings))


def test_settings_make_the_digest_of_a_model():
    """A change of any refits everything."""
    (one,), (two,), (same,) = (fitting.bind([part(depth=d)])[0] for d in (1.0, 2.0, 1.0))
    assert one.digest == same.digest != two.digest


def test_a_model_that_cannot_be_set_up_is_a_failure():
    """The others are set up."""
    models, failures = fitting.bind([part(depth=-1.0), part()])
    assert [model.name for model in models] == ["mine"]
    assert [str(f) for f in failures] == ["model mine: ValueError: depth is negative"]


def failing_one(photometry, candidates):
    return fit_table(
        candidates["candidate_id"].to_numpy(object),
        [
            failed("no luck (chi2 7)") if name == "b" else Counting._one(photometry, name)
            for name in candidates["candidate_id"]
        ],
    )


@pytest.mark.slow
def test_a_fit_that_failed_waits_for_new_data(store):
    """In one process; each cycle tells of it, and another process tries it again."""
    model, memory = Counting(failing_one), Remembering(store.fits)
    told = [run(memory, bound(model)).failures for _ in range(3)]
    assert model.asked == [NAMES]
    assert [str(failure) for failure in told[2]] == ["model mine (b): no luck (1 of 1 fit)"]
    run(memory, bound(model), photometry=curves(a=4, b=5, c=1))
    assert model.asked == [NAMES, ["b"]]
    told = run(Remembering(store.fits), bound(model), photometry=curves(a=4, b=5, c=1)).failures
    assert model.asked == [NAMES, ["b"]], "who asks a question is told what was found"
    assert [str(failure) for failure in told] == ["model mine (b): no luck (1 of 1 fit)"]
    again = Remembering(store.fits, try_again=True)
    run(again, bound(model), photometry=curves(a=4, b=5, c=1))
    assert model.asked == [NAMES, ["b"], ["b"]]


def test_a_model_that_failed_as_a_whole_is_tried_again(store):
    """The cause may have been this machine, not the data."""
    model, memory = Counting(lambda *_: 1 / 0), Remembering(store.fits)
    for _ in range(2):
        assert "ZeroDivisionError" in str(run(memory, bound(model)).failures)
    assert model.asked == [NAMES, NAMES]
    model.answer = None
    run(memory, bound(model))
    assert run(memory, bound(model)).fresh == {"mine": 0}


@pytest.mark.slow
def test_memory_and_store_agree_whatever_changes(store):
    """Who comes, goes, returns and changes: the fits are those of a run from the store alone."""
    rng, memory = np.random.default_rng(3), Remembering(OnlyRead(store.fits))
    for _ in range(25):
        names = sorted(rng.choice(NAMES, rng.integers(1, 4), replace=False).tolist())
        counts = {name: int(rng.integers(1, 6)) for name in names}
        table = candidates().set_index("candidate_id").loc[names].reset_index()
        found = join(table, run(memory, bound(), table, curves(**counts)))
        wanted = join(table, run(OnlyRead(), bound(), table, curves(**counts)))
        pd.testing.assert_frame_equal(found[sorted(found)], wanted[sorted(wanted)])


def test_what_did_not_change_is_the_same_object(store):
    memory = Remembering(store.fits)
    first, second = (run(memory, bound()) for _ in range(2))
    assert second.wide["mine"] is first.wide["mine"]
