"""Which small changes a module's text allows: each is what somebody might have written instead."""

import ast
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_SWAPPED = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
    "bisect_left": "bisect_right",
    "bisect_right": "bisect_left",
    "argmin": "argmax",
    "argmax": "argmin",
    "minimum": "maximum",
    "maximum": "minimum",
}
_SYMBOLS: dict[type[ast.AST], str] = {
    **{ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="},
    **{ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in"},
    **{ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%"},
    **{ast.Pow: "**", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|"},
    **{ast.BitXor: "^", ast.And: "and", ast.Or: "or"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One changed text of a module.

    Attributes:
        function: Where it is, such as ``Store.claim``; empty outside of functions.
        code: The line as it is, without indentation.
        what: How it was changed.
        nth: Which of several equal changes of equal lines of the function this is, from 0.
        first_line: Where the statement begins that was changed.
        is_at_import: It is run when the module is imported.
        text: All of the changed module.
    """

    function: str
    code: str
    what: str
    nth: int
    first_line: int
    is_at_import: bool
    text: str

    @property
    def identity(self) -> tuple[str, str, str, int]:
        """What tells it from other changes of its module, whatever stands above it."""
        return self.function, self.code, self.what, self.nth


@dataclass(frozen=True, slots=True)
class _Place:
    function: str
    statement: ast.stmt
    is_at_import: bool


def changes_of(text: str) -> tuple[Change, ...]:
    """Return all changes of a module, in an order that depends on nothing but their identity.

    The beginning of that order is a sample of the whole.
    """
    lines = text.splitlines(keepends=True)
    counts: dict[tuple[str, str, str], int] = {}
    found = []
    for place, node, what, replacement in _walk(ast.parse(text).body, "", is_at_import=True):
        changed = _spliced(lines, node, replacement)
        try:
            ast.parse(changed)
        except SyntaxError:  # a walrus without its parentheses, a star
            continue
        code = lines[node.lineno - 1].strip()
        key = (place.function, code, what)
        nth = counts[key] = counts.get(key, -1) + 1
        found.append(
            Change(
                function=place.function,
                code=code,
                what=what,
                nth=nth,
                first_line=place.statement.lineno,
                is_at_import=place.is_at_import,
                text=changed,
            )
        )
    return tuple(sorted(found, key=lambda c: hashlib.sha256(repr(c.identity).encode()).digest()))


CALLED = "_mutation_called"
"""What is told of calls, among Python's built-ins."""


def telling(text: str) -> str:
    """Return a module each of whose functions tells that it was called, where somebody asks."""
    tree = ast.parse(text)

    def tell(body: Sequence[ast.stmt], function: str) -> None:
        for each in body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{function}.{each.name}" if function else each.name
                tell(each.body, name)
                if not isinstance(each, ast.ClassDef):
                    told = f"getattr(__import__('builtins'), {CALLED!r}, str)({name!r})"
                    place = 1 if ast.get_docstring(each) is not None else 0
                    each.body[place:place] = ast.parse(told).body
            else:
                for part in ("body", "orelse", "finalbody"):
                    tell(getattr(each, part, []), function)

    tell(tree.body, "")
    return ast.unparse(ast.fix_missing_locations(tree))


_Found = tuple[_Place, ast.expr | ast.stmt, str, str]


def _walk(body: Sequence[ast.stmt], function: str, *, is_at_import: bool) -> Iterator[_Found]:
    for statement in body:
        place = _Place(function, statement, is_at_import)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{function}.{statement.name}" if function else statement.name
            is_class = isinstance(statement, ast.ClassDef)
            yield from _walk(statement.body, name, is_at_import=is_class and is_at_import)
            if not isinstance(statement, ast.ClassDef):
                defaults = [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]
                for default in defaults:
                    yield from _in_expression(_Place(name, statement, is_at_import), default)
            continue
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            continue
        yield from _of_statement(place)
        for part in ("body", "orelse", "finalbody"):
            yield from _walk(getattr(statement, part, []), function, is_at_import=is_at_import)
        for handler in getattr(statement, "handlers", []):
            yield from _walk(handler.body, function, is_at_import=is_at_import)
        for case in getattr(statement, "cases", []):
            yield from _walk(case.body, function, is_at_import=is_at_import)


def _of_statement(place: _Place) -> Iterator[_Found]:
    statement = place.statement
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom() | ast.Assert():
            return  # docstrings; asserts are for the type checker
        case ast.Expr(value=ast.Yield() | ast.YieldFrom()):
            pass
        case ast.Expr() | ast.Raise():
            yield place, statement, "left out", "pass"
        case ast.Continue():
            yield place, statement, "break for continue", "break"
        case ast.Break():
            yield place, statement, "continue for break", "continue"
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            yield place, statement, "returns None", "return None"
        case ast.AugAssign(op=op) if type(op) in _COMPUTED:
            symbol = _SYMBOLS[_COMPUTED[type(op)]]
            target, added = ast.unparse(statement.target), ast.unparse(statement.value)
            what = f"{symbol}= for {_SYMBOLS[type(op)]}="
            yield place, statement, what, f"{target} {symbol}= {added}"
        case ast.If(test=test) | ast.While(test=test):
            yield place, test, "negated", f"not ({ast.unparse(test)})"
        case ast.AnnAssign(value=None):
            return
        case _:  # of Python's own kinds there are many
            pass
    if isinstance(statement, ast.Raise):
        return  # what an error says is no decision
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr) and child is not getattr(statement, "annotation", None):
            yield from _in_expression(place, child)
        elif isinstance(child, ast.withitem):
            yield from _in_expression(place, child.context_expr)


def _in_expression(place: _Place, node: ast.AST) -> Iterator[_Found]:
    if isinstance(node, ast.JoinedStr):
        return  # texts for people
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "field":
        for keyword in node.keywords:  # the rest says how a class is made
            if keyword.arg in ("default", "default_factory"):
                yield from _in_expression(place, keyword.value)
        return
    if isinstance(node, ast.expr):
        yield from ((place, node, what, text) for what, text in _of_expression(node))
    for child in ast.iter_child_nodes(node):
        yield from _in_expression(place, child)


def _of_expression(node: ast.expr) -> Iterator[tuple[str, str]]:
    """Yield what may stand for an expression, with what is changed then."""
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                other = _COMPARED[type(op)]
                yield (
                    f"{_SYMBOLS[other]} for {_SYMBOLS[type(op)]}",
                    _in_brackets(
                        ast.Compare(
                            node.left, [*ops[:at], other(), *ops[at + 1 :]], node.comparators
                        )
                    ),
                )
        case ast.BoolOp(op=bool_op, values=values):
            symbol = _SYMBOLS[type(bool_op)]
            for at, value in enumerate(values):
                rest = [*values[:at], *values[at + 1 :]]
                kept = rest[0] if len(rest) == 1 else ast.BoolOp(bool_op, rest)
                yield f"without `{_short(value)}` of {symbol}", _in_brackets(kept)
        case ast.BinOp(left=left, op=op, right=right) if not _is_text(left):
            computed = _COMPUTED.get(type(op))
            if computed is not None:
                what = f"{_SYMBOLS[computed]} for {_SYMBOLS[type(op)]}"
                yield what, _in_brackets(ast.BinOp(left, computed(), right))
            if isinstance(op, ast.BitAnd):
                yield f"without `{_short(left)}` of &", _in_brackets(right)
                yield f"without `{_short(right)}` of &", _in_brackets(left)
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            yield f"`{_short(operand)}` for `{_short(node)}`", _in_brackets(operand)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            negated = ast.UnaryOp(ast.Not(), test)
            yield "negated", _in_brackets(ast.IfExp(negated, body, orelse))
        case ast.Constant(value=bool() as value):
            yield f"{not value} for {value}", str(not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value + 1} for {value}", str(value + 1)
        case ast.Call(func=func, args=args, keywords=keywords):
            for at, keyword in enumerate(keywords):
                if keyword.arg is not None and len(keywords) + len(args) > 1:
                    others = [*keywords[:at], *keywords[at + 1 :]]
                    yield f"without {keyword.arg}=", ast.unparse(ast.Call(func, args, others))
            swapped = _swapped(func)
            if swapped is not None:
                yield swapped[0], ast.unparse(ast.Call(swapped[1], args, keywords))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            yield from _without_conditions(node)
        case _:
            pass


def _without_conditions(
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
) -> Iterator[tuple[str, str]]:
    for generator in node.generators:
        for condition in tuple(generator.ifs):
            kept = generator.ifs
            generator.ifs = [each for each in kept if each is not condition]
            yield f"without if `{_short(condition)}`", _in_brackets(node)
            generator.ifs = kept


def _swapped(func: ast.expr) -> tuple[str, ast.expr] | None:
    match func:
        case ast.Name(id=name) if name in _SWAPPED:
            return f"{_SWAPPED[name]} for {name}", ast.Name(_SWAPPED[name])
        case ast.Attribute(value=value, attr=name) if name in _SWAPPED:
            return f"{_SWAPPED[name]} for {name}", ast.Attribute(value, _SWAPPED[name])
    return None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _in_brackets(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if isinstance(node, ast.GeneratorExp | ast.ListComp) else f"({text})"


def _spliced(lines: Sequence[str], node: ast.expr | ast.stmt, replacement: str) -> str:
    """Return the text with something else in place of a node."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    first, last = lines[node.lineno - 1].encode(), lines[node.end_lineno - 1].encode()
    before, after = first[: node.col_offset].decode(), last[node.end_col_offset :].decode()
    above, below = "".join(lines[: node.lineno - 1]), "".join(lines[node.end_lineno :])
    return above + before + replacement + after + below
