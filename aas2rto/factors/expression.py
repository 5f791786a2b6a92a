"""A factor written in the config: arithmetic on the columns of the candidate table."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import BaseModel

from aas2rto import candidates as candidate_table
from aas2rto import summary
from aas2rto.errors import InputError
from aas2rto.factors import Factor, Needs, answer, factor, numbers
from aas2rto.models import FIT_COLUMNS
from aas2rto.registry import Part, nearest

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs, "exp": np.exp, "log": np.log, "log10": np.log10, "sqrt": np.sqrt,
    "sin": np.sin, "cos": np.cos, "minimum": np.minimum, "maximum": np.maximum,
    "clip": np.clip, "where": np.where, "isfinite": np.isfinite,
}  # fmt: skip
"""What an expression may call."""

OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: np.divide, ast.Pow: np.power, ast.USub: operator.neg, ast.UAdd: operator.pos,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.And: np.logical_and, ast.Or: np.logical_or, ast.Not: np.logical_not,
}  # fmt: skip
"""What may stand between two values, or before one."""


def parse(formula: str) -> ast.expr:
    """Read an expression and refuse everything that is not arithmetic.

    Raises
    ------
    InputError
        Saying which piece of the formula is not understood.
    """
    try:
        tree = ast.parse(formula, mode="eval").body
    except SyntaxError as error:
        raise InputError(f"{formula!r} is not an expression: {error.msg}") from error
    for node in ast.walk(tree):
        _check_node(node)
    return tree


def _check_node(node: ast.AST) -> None:
    allowed = (
        ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Call, ast.Name, ast.Constant,
        ast.IfExp, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
    )  # fmt: skip
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func)
        if name not in FUNCTIONS:
            raise InputError(f"{name!r} may not be called here{nearest(name, FUNCTIONS)}")
    is_odd = isinstance(node, ast.cmpop | ast.operator) and type(node) not in OPERATORS
    if not isinstance(node, allowed) or is_odd:
        text = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
        raise InputError(f"{text!r} is not allowed in an expression: numbers, columns, "
                         f"+ - * / **, comparisons and {', '.join(FUNCTIONS)} are")  # fmt: skip


def names_in(tree: ast.expr) -> list[str]:
    """Return the columns that an expression reads, in order of appearance."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = (n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in called)
    return list(dict.fromkeys(names))


def evaluate(tree: ast.expr, values: Mapping[str, Any]) -> Any:  # noqa: PLR0911  one per node
    """Compute an expression on columns; element by element, as numpy does."""
    match tree:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return OPERATORS[type(op)](evaluate(left, values), evaluate(right, values))
        case ast.UnaryOp(op=op, operand=operand):
            return OPERATORS[type(op)](evaluate(operand, values))
        case ast.IfExp(test=test, body=body, orelse=other):
            parts = (evaluate(part, values) for part in (test, body, other))
            return np.where(*parts)
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name](*(evaluate(argument, values) for argument in arguments))
        case ast.BoolOp(op=op, values=parts):
            return _reduce(OPERATORS[type(op)], [evaluate(part, values) for part in parts])
        case ast.Compare(left=left, ops=ops, comparators=rights):
            sides = [evaluate(part, values) for part in (left, *rights)]
            tests = [
                OPERATORS[type(op)](a, b) for op, a, b in zip(ops, sides, sides[1:], strict=False)
            ]
            return _reduce(np.logical_and, tests)
    raise InputError(f"{ast.unparse(tree)!r} cannot be computed")


def _reduce(function: Callable[[Any, Any], Any], values: Sequence[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = function(result, value)
    return result


def known_columns(models: Mapping[str, Part]) -> set[str]:
    """Return the names of all columns that exist for every science case with these models."""
    fit = {name for name, dtype in FIT_COLUMNS.items() if dtype == "float64"}
    of_models = {
        f"{model}_{name}"
        for model, part in models.items()
        for name in (*fit, *getattr(part.make, "PARAMETERS", ()))
    }
    return {*candidate_table.COLUMNS, *summary.column_names(), *fit, *of_models, "ebv"}


def check(options: BaseModel, *, models: Mapping[str, Part], sources: Sequence[str]) -> list[str]:
    """Say what is wrong with an expression when the config loads.

    Names that start with a source's, such as ``fink_snn_sn_vs_all``, are annotations: which of
    them exist is known only when alerts come.
    """
    formula = str(getattr(options, "formula", ""))
    try:
        names = names_in(parse(formula))
    except InputError as error:
        return [str(error)]
    known = known_columns(models)
    brokers = ("fink_", "alerce_", "lasair_", "tns_", "atlas_", "ztf_", "lsst_",
               *(f"{source}_" for source in sources))  # fmt: skip
    return [
        f"there is no column {name!r}{nearest(name, known)}"
        for name in names
        if name not in known and not name.startswith(brokers)
    ]


@factor("expression", needs=Needs.FIT, check=check)
def expression(
    candidates: pd.DataFrame,
    now: Time,
    *,
    formula: str,
    name: str = "expression",
    missing: float | None = None,
    exclude_below: float | None = None,
) -> Factor:
    """Multiply by an expression on the columns of the candidate table.

    Parameters
    ----------
    candidates : DataFrame
        Columns are read by their names.
    now : Time
        Not used.
    formula : str
        Such as ``1 + exp(-5 * (mag_ztfg - mag_ztfr))``.
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
    read = [v for v in inputs.values() if v.dtype.kind == "f"]
    unknown = np.isnan(np.column_stack(read)).any(axis=1) if read else np.zeros(n, bool)
    if missing is not None:
        value[unknown] = missing
        unknown[:] = False
    low = np.zeros(n, bool) if exclude_below is None else value < exclude_below
    reason = [
        f"{formula}: a column is unknown"
        if is_unknown
        else f"{formula} = {v:.3g}" + (f", below {exclude_below:g}" if is_low else "")
        for v, is_unknown, is_low in zip(value, unknown, low, strict=True)
    ]
    return answer(value, exclude=unknown | low, reason=reason, **inputs)


def _column(candidates: pd.DataFrame, name: str) -> Any:
    """Return a column as numbers where it can be, as texts where it holds texts."""
    values = numbers(candidates, name)
    if name not in candidates or candidates[name].dtype.kind in "biuf":
        return values
    texts = candidates[name].fillna("").to_numpy(object)
    return values if np.isfinite(values).any() or not (texts != "").any() else texts
