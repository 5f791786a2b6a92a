"""A factor written in the config: arithmetic on the columns of the candidate table."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import BaseModel

from aas2rto.errors import InputError
from aas2rto.factors import ANY_SCALE, Factor, Needs, answer, factor, numbers
from aas2rto.guard import attempt
from aas2rto.models import FIT_COLUMNS
from aas2rto.parts.registry import Part
from aas2rto.tables import candidates as candidate_table
from aas2rto.tables import summary
from aas2rto.tables.marks import TRIAGE
from aas2rto.text.late import say
from aas2rto.text.words import counted, nearest

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "clip": np.clip,
    "where": np.where,
    "isfinite": np.isfinite,
}
"""What an expression may call."""

ARGUMENTS = {"minimum": 2, "maximum": 2, "clip": 3, "where": 3}
"""How many values a function takes; the others take one. NumPy itself would take one more, and
write its answer into it."""

TRIAL = (math.nan, -30.0, -1.5, -0.3, 0.0, 0.04, 0.5, 1.5, 7.0, 18.5, 25.0, 180.0, 61100.5)
"""Values that columns of chances, colours, magnitudes, days, angles and times may have."""
N_TRIAL = 400

TEXTS = frozenset(
    {name for name, dtype in candidate_table.COLUMNS.items() if dtype == "str"}
    | {"last_band", "model"}
)
"""Columns that hold texts, even where all of them are empty."""

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.divide,
    ast.Pow: np.power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
}
"""What may stand between two values, or before one."""


BROKERS = ("antares_", "fink_", "alerce_", "lasair_", "tns_", "yse_", "atlas_", "ztf_", "lsst_")
"""Beginnings of the program's own annotations, which a config may use while a source is off."""


def parse(formula: str) -> ast.expr:
    """Read an expression and refuse everything that is not arithmetic.

    Raises
    ------
    InputError
        Saying which piece of the formula is not understood.
    """
    try:
        tree = ast.parse(formula, mode="eval").body
    except (SyntaxError, ValueError) as error:
        why = getattr(error, "msg", error)
        raise InputError(f"{formula!r} is not an expression: {why}") from error
    except (RecursionError, MemoryError) as error:
        raise InputError(f"{formula[:40]!r}... nests too deeply for an expression") from error
    for node in ast.walk(tree):
        _check_node(node)
    return tree


def _check_node(node: ast.AST) -> None:
    allowed = (
        ast.BinOp,
        ast.UnaryOp,
        ast.BoolOp,
        ast.Compare,
        ast.Call,
        ast.Name,
        ast.Constant,
        ast.IfExp,
        ast.operator,
        ast.unaryop,
        ast.boolop,
        ast.cmpop,
        ast.expr_context,
    )
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name not in FUNCTIONS:
            raise InputError(f"{name!r} may not be called here{nearest(name, FUNCTIONS)}")
        _check_call(node, name)
    is_odd = isinstance(node, ast.cmpop | ast.operator) and type(node) not in OPERATORS
    if isinstance(node, ast.Constant):
        is_odd = not isinstance(node.value, bool | int | float | str)
    if not isinstance(node, allowed) or is_odd:
        text = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
        raise InputError(
            f"{text!r} is not allowed in an expression: numbers, columns, "
            f"+ - * / **, comparisons and {', '.join(FUNCTIONS)} are"
        )


def _check_call(call: ast.Call, name: str) -> None:
    """Refuse a wrong number of values: ``maximum(a, b, c)`` would overwrite the column c."""
    expected, given = ARGUMENTS.get(name, 1), len(call.args)
    is_odd = call.keywords or any(isinstance(one, ast.Starred) for one in call.args)
    if given != expected and not is_odd:
        nested = ""
        if expected == 2 and given > expected:
            first, second, *_ = (ast.unparse(one) for one in call.args)
            nested = f"; nest them: {name}({name}({first}, {second}), ...)"
        raise InputError(
            f"{ast.unparse(call)!r}: {name} takes {counted(expected, 'value')}, not {given}{nested}"
        )


def names_in(tree: ast.expr) -> list[str]:
    """Return the columns that an expression reads, in order of appearance."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in nodes))


def tested_in(tree: ast.expr) -> set[str]:
    """Return the columns for which an expression asks itself whether they are known."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    tests = [call for call in calls if ast.unparse(call.func) == "isfinite"]
    return {name for call in tests for argument in call.args for name in names_in(argument)}


def evaluate(tree: ast.expr, values: Mapping[str, Any]) -> Any:  # noqa: PLR0911  one per node
    """Compute an expression on columns, element by element.

    All numbers are floats, and what is true is 1: whole numbers would wrap around at 2^63, and
    the sum of two truths would be one truth.
    """
    match tree:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](evaluate(left, values), evaluate(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return _float(OPERATORS[type(op)](evaluate(operand, values)))
        case ast.IfExp(test=test, body=body, orelse=other):
            parts = (evaluate(part, values) for part in (test, body, other))
            return np.where(*parts)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _float(FUNCTIONS[name](*(evaluate(part, values) for part in arguments)))
        case ast.BoolOp(op=op, values=parts):
            return _float(_reduce(OPERATORS[type(op)], [evaluate(part, values) for part in parts]))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [evaluate(part, values) for part in (left, *rights)]
            tests = [
                OPERATORS[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False)
            ]
            return _float(_reduce(np.logical_and, tests))
    raise InputError(f"{ast.unparse(tree)!r} cannot be computed")


def _float(value: Any) -> Any:
    return np.asarray(value, dtype=float) if np.asarray(value).dtype.kind in "bi" else value


def _reduce(function: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result


def parameters_of(part: Part) -> list[str]:
    """Return the names of a model's parameters and of their errors, as columns."""
    names = getattr(part.make, "PARAMETERS", ())
    return [column for name in names for column in (name, f"{name}_err")]


def known_columns(models: Mapping[str, Part]) -> set[str]:
    """Return the names of all columns that exist for every science case with these models."""
    fit = {name for name, dtype in FIT_COLUMNS.items() if dtype == "float64"} | {"evidence"}
    of_models = {
        f"{model}_{name}" for model, part in models.items() for name in (*fit, *parameters_of(part))
    }
    return {*candidate_table.COLUMNS, *summary.column_names(), *fit, *of_models, "ebv", TRIAGE}


def check(
    options: BaseModel, *, models: Mapping[str, Part], sources: Mapping[str, Sequence[str]]
) -> list[str]:
    """Say what is wrong with an expression when the config loads.

    Names that start as those of a source's annotations, such as ``fink_snn_sn_vs_all``, may
    exist: which of them do is known only when alerts come.

    Parameters
    ----------
    options : BaseModel
    models : mapping
        By name.
    sources : mapping
        From each source's name to how the names of its annotations begin, besides its own name.
    """
    formula = str(getattr(options, "formula", ""))
    try:
        tree = parse(formula)
    except InputError as error:
        return [str(error)]
    names = names_in(tree)
    known = known_columns(models)
    brokers = BROKERS + tuple(f"{source}_" for source in sources)
    brokers += tuple(begin for begins in sources.values() for begin in begins)
    strange = [
        f"there is no column {name!r}{nearest(name, known)}"
        for name in names
        if name not in known and not name.startswith(brokers)
    ]
    return strange or _try(formula, tree)


def _try(formula: str, tree: ast.expr) -> list[str]:
    """Compute an expression for made-up candidates, of whom not everything is known.

    What fails there would fail every night; what is a number for none would exclude everybody.
    """
    draw = np.random.default_rng(0)  # the same trial each time
    example = {
        name: draw.choice(np.array(["a", ""], dtype=object), N_TRIAL)
        if name in TEXTS
        else draw.choice(np.array(TRIAL), N_TRIAL)
        for name in names_in(tree)
    }

    def compute() -> NDArray[np.float64]:
        value = np.asarray(evaluate(tree, example), dtype=float)
        return np.broadcast_to(value, N_TRIAL)

    with np.errstate(all="ignore"):
        done = attempt("expression", compute)
    if done.value is None:
        why = done.failure.error if done.failure else "no value"
        return [f"{formula!r} cannot be computed: {why}"]
    if not np.isfinite(done.value).any():
        return [
            f"{formula!r} is no number for any of {N_TRIAL} made-up candidates, and would exclude "
            "everybody"
        ]
    return []


@factor("expression", needs=Needs.FIT, check=check, scale=ANY_SCALE)
def expression(
    candidates: pd.DataFrame,
    now: Time,
    *,
    formula: str,
    name: str = "expression",
    missing: float | None = None,
    exclude_below: float | None = None,
) -> Factor:
    """Multiply by, or in a sum add, an expression on the columns of the candidate table.

    Parameters
    ----------
    candidates : DataFrame
        Columns are read by their names.
    now : Time
        Not used.
    formula : str
        Such as ``1 + exp(-5 * (mag_ztfg - mag_ztfr))``, or, for a column that need not be known,
        ``where(isfinite(redshift), 1 / redshift, 10)``.
    name : str
        Name of the factor's column.
    missing : float or None
        Value where a column is unknown; None excludes such candidates, saying so.
    exclude_below : float or None
        Smaller values exclude.
    """
    tree = parse(formula)
    n = len(candidates)
    inputs = {column: _column(candidates, column) for column in names_in(tree)}
    with np.errstate(all="ignore"):
        value = np.broadcast_to(np.asarray(evaluate(tree, inputs), dtype=float), n).copy()
    unknown = _unknown(value, inputs, tested_in(tree))
    if missing is not None:
        value[unknown] = missing
        unknown[:] = False
    low = np.zeros(n, bool) if exclude_below is None else value < exclude_below
    reason = say(
        lambda v, is_unknown, is_low: (
            f"{formula}: a column is unknown"
            if is_unknown
            else f"{formula} = {v:.3g}" + (f", below {exclude_below:g}" if is_low else "")
        ),
        value,
        unknown,
        low,
    )
    return answer(value, exclude=unknown | low, reason=reason, **inputs)


def _unknown(
    value: NDArray[np.float64], inputs: Mapping[str, Any], tested: set[str]
) -> NDArray[np.bool_]:
    """Tell where a column is unknown, unless the expression takes care of that itself."""
    unknown = np.zeros(len(value), dtype=bool)
    for name, column in inputs.items():
        if column.dtype.kind == "f":
            unknown |= np.isnan(column) & (np.isnan(value) if name in tested else True)
    return unknown


def _column(candidates: pd.DataFrame, name: str) -> Any:
    """Return a column as texts where it holds texts, else as numbers."""
    values = numbers(candidates, name)
    if name not in candidates or candidates[name].dtype.kind in "biuf":
        return values
    texts = candidates[name].fillna("").to_numpy(object)
    words = [bool(t) and not known for t, known in zip(texts, np.isfinite(values), strict=True)]
    return texts if name in TEXTS or any(words) else values
