"""The formula by which a multi grader puts its graders' scores together: arithmetic, and nothing else."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

LONGEST = 2_000  # characters
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "log": math.log,
}
_LISTS = ("min", "max")  # which take several


class FormulaError(Exception):
    """Why a formula says nothing."""


def check(text: str, names: set[str]) -> None:
    """Refuse a formula that is none, or that names other things than `names`."""
    _visit(_parse(text), dict.fromkeys(names, 1.0), trial=True)


def evaluate(text: str, scores: Mapping[str, float]) -> float:
    """The value of a formula; every number is a float, so that none grows without bound."""
    try:
        value = _visit(_parse(text), scores, trial=False)
    except (ArithmeticError, ValueError) as error:
        raise FormulaError(f"it cannot be computed ({type(error).__name__})") from None
    if not math.isfinite(value):
        raise FormulaError("its value is no finite number")
    return value


def _parse(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise FormulaError(f"it is longer than {LONGEST} characters")
    try:
        return ast.parse(text.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise FormulaError("it is no expression") from None


def _visit(node: ast.expr, scores: Mapping[str, float], *, trial: bool) -> float:
    """The value of a node; on `trial` only whether it may be there at all counts."""
    try:
        return _value(node, scores, trial=trial)
    except RecursionError:
        raise FormulaError("it is nested too deeply") from None


def _value(node: ast.expr, scores: Mapping[str, float], *, trial: bool) -> float:
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return _number(value)
        case ast.Name(id=name) if name in scores:
            return float(scores[name])
        case ast.Name(id=name):
            raise FormulaError(f"there is no grader '{name[:40]}'")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            one, other = _value(left, scores, trial=trial), _value(right, scores, trial=trial)
            return 1.0 if trial else float(_OPERATORS[type(op)](one, other))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_value(operand, scores, trial=trial))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _FUNCTIONS:
            values = [_value(one, scores, trial=trial) for one in given]
            if len(values) < 1 or (len(values) > 1 and name not in _LISTS):
                raise FormulaError(f"'{name}' takes {'at least ' if name in _LISTS else ''}one number")
            return 1.0 if trial else float(_FUNCTIONS[name](values) if name in _LISTS else _FUNCTIONS[name](values[0]))
        case _:
            raise FormulaError("it may hold numbers, graders, + - * / ^ and " + ", ".join(_FUNCTIONS))


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise FormulaError("a number is too large") from None
