"""The formula by which a multi grader makes one reward of several: arithmetic on its graders' names."""

from __future__ import annotations

import ast
from collections.abc import Collection

FUNCTIONS = frozenset({"min", "max", "abs", "floor", "ceil", "exp", "sqrt", "log"})
_SEVERAL = frozenset({"min", "max"})
_LONGEST = 2_000  # characters
_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)


def problem(text: str, names: Collection[str]) -> str:
    """Why `text` is no formula of the graders called `names`; empty where it is one. `^` is a power, as in Azure."""
    if len(text) > _LONGEST:
        return f"it is longer than {_LONGEST:,} characters"
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        return _wrong(tree, names)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it cannot be read"


def _wrong(node: ast.expr, names: Collection[str]) -> str:
    match node:
        case ast.Constant(value=bool()):
            return "it takes numbers, not true or false"
        case ast.Constant(value=int() | float()):
            return ""
        case ast.Name(id=name):
            return "" if name in names else f"no grader is called {name[:40]}"
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _OPERATORS):
            return _wrong(left, names) or _wrong(right, names)
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            return _wrong(operand, names)
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in FUNCTIONS:
            if not given or (len(given) > 1 and name not in _SEVERAL):
                return f"{name} takes {'at least ' if name in _SEVERAL else ''}one number"
            return next((wrong for one in given if (wrong := _wrong(one, names))), "")
    return f"it takes graders, numbers, + - * / ^ and {', '.join(sorted(FUNCTIONS))}"
