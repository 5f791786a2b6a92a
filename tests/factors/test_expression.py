"""Arithmetic in a config: computed as Python does, and refused where it is not arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.errors import InputError
from aas2rto.factors import FACTORS, Decision
from aas2rto.factors.expression import FUNCTIONS, check, evaluate, expression, names_in, parse
from aas2rto.models import MODELS
from tests.conftest import make_candidates


def table(**columns):
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"candidate_id": [f"c{i}" for i in range(n)], **columns})


def values(formula, **columns):
    return expression(table(**columns), None, formula=formula).value.tolist()


def complaints(formula, models=(), **sources):
    options = FACTORS.get("expression").options(formula=formula)
    return check(options, models={name: MODELS.get(name) for name in models}, sources=sources)


def test_the_colour_factor_of_the_readme():
    """A column minus a column, within a function."""
    found = values(
        "1 + exp(-5 * (mag_ztfg - mag_ztfr))", mag_ztfg=[18.0, 18.2], mag_ztfr=[18.0] * 2
    )
    assert found == pytest.approx([2.0, 1 + math.exp(-1)])


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("10**20", 1e20),
        ("10**-2", 0.01),
        ("2**0.5", math.sqrt(2)),
        ("-2**2", -4.0),
        ("7 / 2", 3.5),
        ("9223372036854775807 + 1", 2.0**63),
        ("(1 < 2) + (2 < 3)", 2.0),
        ("(1 < 2) - (2 < 1)", 1.0),
        ("-(1 < 2)", -1.0),
        ("1 < 2 < 3", 1.0),
        ("1 < 3 < 2", 0.0),
        ("not 0", 1.0),
        ("(1 and 0) + 5", 5.0),
        ("True + True", 2.0),
        ("isfinite(1) + isfinite(2)", 2.0),
        ("3 if 1 < 2 else 4", 3.0),
        ("where(1 > 2, 3, 4)", 4.0),
        ("clip(5, 0, 2)", 2.0),
        ("maximum(1, 2) - minimum(1, 2)", 1.0),
        ("log10(1000)", 3.0),
        ("+5", 5.0),
    ],
)
def test_numbers_are_those_of_people(formula, value):
    """Whole numbers do not wrap around, and two truths are two."""
    assert values(formula, x=[0.0])[0] == pytest.approx(value)


numbers = st.floats(-100, 100).map(lambda x: round(x, 3))
leaves = st.one_of(st.sampled_from(["a", "b", "c"]), numbers.map(lambda x: f"({x!r})"))


def grown(inner):
    binary = st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    compared = st.tuples(inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner).map(
        lambda t: f"({t[0]} {t[1]} {t[2]})"
    )
    called = st.tuples(st.sampled_from(["abs", "exp", "sin", "cos"]), inner).map(
        lambda t: f"{t[0]}({t[1]})"
    )
    chosen = st.tuples(inner, inner, inner, inner).map(
        lambda t: f"({t[0]} if {t[1]} < {t[2]} else {t[3]})"
    )
    return st.one_of(binary, compared, called, chosen, inner.map(lambda x: f"(-{x})"))


formulas = st.recursive(leaves, grown, max_leaves=8)


@given(formula=formulas, a=numbers, b=numbers, c=numbers)
def test_an_expression_is_what_python_says(formula, a, b, c):
    """On floats, the columns give what Python's own evaluation gives."""
    names = {"abs": abs, "exp": math.exp, "sin": math.sin, "cos": math.cos, "a": a, "b": b, "c": c}
    try:
        truth = float(eval(formula, {"__builtins__": {}}, names))
    except (ZeroDivisionError, OverflowError, ValueError):
        truth = None  # numpy goes on with inf or nan, which scoring excludes
    with np.errstate(all="ignore"):
        found = evaluate(parse(formula), {name: np.array([names[name]]) for name in "abc"})
    if truth is not None:
        found = float(np.broadcast_to(np.asarray(found, float), 1)[0])
        assert found == pytest.approx(truth, rel=1e-9, abs=1e-9, nan_ok=True)


@given(
    formula=formulas, rows=st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=5)
)
def test_a_candidate_does_not_know_its_neighbours(formula, rows):
    """All at once or one by one gives the same numbers."""
    columns = dict(zip("abc", np.array(rows).T, strict=True))
    together = values(formula, **columns)
    alone = [values(formula, a=[a], b=[b], c=[c])[0] for a, b, c in rows]
    assert together == pytest.approx(alone, nan_ok=True)


@pytest.mark.fault("expression", "forged", "what is no arithmetic")
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("1 +", "'1 +' is not an expression: invalid syntax"),
        ("", "'' is not an expression: invalid syntax"),
        ("a; b", "is not an expression: invalid syntax"),
        ("a = 1", "is not an expression: invalid syntax"),
        ("open('x')", "'open' may not be called here"),
        ("sqr(a)", "'sqr' may not be called here; did you mean 'sqrt'?"),
        ("np.exp(a)", "'np.exp' may not be called here"),
        ("a.real", "'a.real' is not allowed in an expression: numbers, columns, + - * / **, comp"),
        ("a[0]", "'a[0]' is not allowed in an expression"),
        ("[a for a in b]", "is not allowed in an expression"),
        ("lambda: 1", "'lambda: 1' is not allowed in an expression"),
        ("(lambda: 1)()", "may not be called here"),
        ("a % 2", "'Mod' is not allowed in an expression"),
        ("a @ b", "'MatMult' is not allowed in an expression"),
        ("a in b", "'In' is not allowed in an expression"),
        ("(a := 5)", "is not allowed in an expression"),
        ("f'{a}'", "is not allowed in an expression"),
        ("clip(a, a_min=1)", "'keyword' is not allowed in an expression"),
        ("clip(*a)", "'*a' is not allowed in an expression"),
        ("1j", "'1j' is not allowed in an expression"),
        ("None", "'None' is not allowed in an expression"),
        ("b'x'", "is not allowed in an expression"),
        ("...", "is not allowed in an expression"),
        ("(" * 500 + "a" + ")" * 500, "is not an expression: too many nested parentheses"),
        ("-" * 100_000 + "a", "... nests too deeply for an expression"),
    ],
)
def test_what_is_no_arithmetic_is_refused_in_words(formula, words):
    """A config is data, not a program."""
    with pytest.raises(InputError) as caught:
        parse(formula)
    assert words in str(caught.value)


def test_names_come_in_the_order_in_which_they_stand():
    """`explain` shows the columns as the formula reads."""
    assert names_in(parse("exp(z - a) * (z + mag_ztfg)")) == ["z", "a", "mag_ztfg"]
    assert names_in(parse("1 + 2")) == []


@pytest.mark.fault("expression", "damaged", "maximum(a, b, c) passes and excludes everybody")
@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("exp", "there is no column 'exp'"),
        ("mag_ztfq", "there is no column 'mag_ztfq'; did you mean"),
        ("clip(last_mag, 0)", "'clip(last_mag, 0)': clip takes 3 values, not 2"),
        ("exp()", "'exp()': exp takes 1 value, not 0"),
        ("exp(last_mag, ebv)", "'exp(last_mag, ebv)': exp takes 1 value, not 2"),
        (
            "maximum(last_mag, ebv, redshift)",
            "'maximum(last_mag, ebv, redshift)': maximum takes 2 values, not 3; nest them: "
            "maximum(maximum(last_mag, ebv), ...)",
        ),
        ("where(last_mag > 18, 1)", "'where(last_mag > 18, 1)': where takes 3 values, not 2"),
        ("sqrt(-1 - last_mag ** 2)", "'sqrt(-1 - last_mag ** 2)' is no number for any of 400"),
        ("log(0 * last_mag)", "'log(0 * last_mag)' is no number for any of 400 made-up"),
        ("last_mag / 0", "'last_mag / 0' is no number for any of 400 made-up candidates, and"),
        ("last_band + 1", "'last_band + 1' cannot be computed: TypeError"),
        ("altitude", "there is no column 'altitude'"),
    ],
)
def test_a_check_finds_what_would_fail_every_night(formula, words):
    """Unknown columns, wrong numbers of arguments, sums of texts."""
    found = complaints(formula)
    assert len(found) == 1
    assert found[0].startswith(words)


@pytest.mark.parametrize(
    "formula",
    [
        "1",
        "last_mag + n_detections_ztfg + rise_fraction_lsstr + too + base_score + ebv",
        "t_peak - first_detection",
        "where(spectral_type == 'SN Ia', 1, 0.1)",
        "last_band == 'ztfg'",
        "fink_snn_sn_vs_all * 2",
        "mine_score + my_other_score",
        "salt_x1 + salt_chisq / salt_ndof",
        "log(last_mag - 100)",
    ],
)
def test_a_check_lets_pass_what_can_be_computed(formula):
    """Columns of candidates, summaries, fits and brokers, and those of the sources' names."""
    assert complaints(formula, models=["salt"], mine=("my_",)) == []


@pytest.mark.fault("expression", "nan", "an unknown column")
def test_an_unknown_column_excludes_and_says_so():
    """A number cannot be made up."""
    found = expression(table(redshift=[0.1, np.nan]), None, formula="redshift * 10")
    assert found.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE]
    assert found.reason.tolist() == ["redshift * 10 = 1", "redshift * 10: a column is unknown"]


def test_a_column_that_does_not_exist_yet_is_unknown():
    """A broker may never have said it."""
    found = expression(table(redshift=[0.1]), None, formula="fink_score")
    assert found.decision.tolist() == [Decision.EXCLUDE]


def test_missing_columns_can_have_a_value_of_their_own():
    """`missing` keeps what is unknown."""
    rows = table(redshift=[0.1, np.nan])
    found = expression(rows, None, formula="redshift * 10", missing=0.5)
    assert found.value.tolist() == [1.0, 0.5]
    assert found.decision.tolist() == [Decision.KEEP, Decision.KEEP]


def test_an_expression_may_ask_itself_what_is_known():
    """`isfinite` makes a column optional, as long as the answer is a number."""
    rows = table(redshift=[0.1, np.nan], last_mag=[18.0, 18.0])
    found = expression(rows, None, formula="where(isfinite(redshift), redshift * 10, 3)")
    assert found.value.tolist() == [1.0, 3.0]
    assert found.decision.tolist() == [Decision.KEEP, Decision.KEEP]
    found = expression(rows, None, formula="isfinite(redshift) * last_mag + redshift")
    assert found.decision.tolist() == [Decision.KEEP, Decision.EXCLUDE]


def test_texts_can_be_compared():
    """A spectral type, or a broker's class, is a text."""
    rows = table(spectral_type=["SN Ia", "", "SN II"], fink_class=["SN", None, "AGN"])
    formula = "1 + 9 * (spectral_type == 'SN Ia') + (fink_class != 'AGN')"
    assert expression(rows, None, formula=formula).value.tolist() == [11.0, 2.0, 1.0]


def test_a_text_column_does_not_depend_on_other_candidates():
    """Whether anybody has a type, or all ids look like numbers, changes nothing."""
    formula = "1 + (spectral_type == 'SN Ia') + (name == '1700284857')"
    alone = expression(make_candidates("a", name="1700284857"), None, formula=formula)
    both = expression(
        make_candidates(["a", "b"], name=["1700284857", "ZTF26b"], spectral_type=["", "SN Ia"]),
        None,
        formula=formula,
    )
    assert alone.value.tolist() == [2.0]
    assert both.value.tolist() == [2.0, 2.0]
    assert both.decision.tolist() == [Decision.KEEP, Decision.KEEP]


def test_numbers_that_came_as_texts_are_numbers():
    """Some brokers write their probabilities in quotes."""
    rows = table(broker_p=pd.Series(["0.5", "0.25"], dtype=object))
    assert expression(rows, None, formula="broker_p * 2").value.tolist() == [1.0, 0.5]


def test_low_values_can_exclude():
    """`exclude_below` turns a number into a rule, with the number in its reason."""
    found = expression(table(x=[0.1, 0.9]), None, formula="x", exclude_below=0.5)
    assert found.decision.tolist() == [Decision.EXCLUDE, Decision.KEEP]
    assert found.reason.tolist() == ["x = 0.1, below 0.5", "x = 0.9"]


@pytest.mark.fault("expression", "empty", "nobody")
def test_no_candidates_give_no_answers():
    """An empty night is a night."""
    found = expression(table(x=[1.0]).iloc[:0], None, formula="x + 1")
    assert len(found.value) == len(found.decision) == len(found.reason) == 0


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_function_works_on_columns(name):
    """What the error message offers can be called."""
    arguments = {"clip": "x, 0, 1", "where": "x > 0, x, 1", "minimum": "x, 1", "maximum": "x, 1"}
    found = values(f"{name}({arguments.get(name, 'x')})", x=[0.5, 0.25])
    assert len(found) == 2
    assert np.isfinite(found).all()
