"""Arithmetic, done by walking the syntax tree: nothing that is typed is ever run as code."""

import ast
import math
import operator
from collections.abc import Callable

from chatcore.tools.base import BUILT_IN, Context, Json, ToolFailed

Number = int | float

LONGEST_EXPRESSION = 500
# Each is done once, so this bounds the time as well.
MOST_NODES = 200
# 4,096 bits are 1,233 digits: enough for every honest sum, and multiplied in microseconds.
MOST_BITS = 4096
LARGEST_FACTORIAL = 400

BINARY: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[[Number], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
CONSTANTS: dict[str, Number] = {"pi": math.pi, "e": math.e, "tau": math.tau}
FUNCTIONS: dict[str, Callable[..., Number]] = {
    "abs": abs, "round": round, "min": min, "max": max, "sqrt": math.sqrt, "exp": math.exp, "log": math.log, "log2": math.log2,
    "log10": math.log10, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin, "acos": math.acos, "atan": math.atan,
    "atan2": math.atan2, "floor": math.floor, "ceil": math.ceil, "radians": math.radians, "degrees": math.degrees,
    "hypot": math.hypot, "gcd": math.gcd,
}  # fmt: skip


class Calculator:
    """Exact arithmetic, which models are bad at."""

    name = "calculator"
    description = (
        "Works out an arithmetic expression exactly. Knows + - * / // % **, brackets, pi, e, factorial and "
        f"{', '.join(FUNCTIONS)}. Angles are in radians."
    )
    read_only = True
    source = BUILT_IN
    schema: Json = {
        "type": "object",
        "properties": {
            "expression": {"type": "string", "minLength": 1, "maxLength": LONGEST_EXPRESSION, "description": "Such as (3 + 4) * sqrt(2)"}
        },
        "required": ["expression"],
        "additionalProperties": False,
    }

    async def run(self, arguments: Json, context: Context) -> str:
        """The value."""
        return shown(worked_out(str(arguments["expression"])))


def worked_out(expression: str) -> Number:
    """The value of an expression. Raises ToolFailed for what is no arithmetic, or too much of it."""
    if len(expression) > LONGEST_EXPRESSION:
        raise ToolFailed(f"The expression has more than {LONGEST_EXPRESSION} characters.")
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ToolFailed(f"This is not an arithmetic expression: {expression[:80]!r}.") from error
    if sum(1 for _ in ast.walk(tree)) > MOST_NODES:
        raise ToolFailed("The expression has too many parts. Work it out in steps.")
    try:
        return value_of(tree.body)
    except ZeroDivisionError as error:
        raise ToolFailed("This divides by zero.") from error
    except OverflowError as error:
        raise ToolFailed("The number gets too large.") from error
    except (ValueError, TypeError) as error:
        raise ToolFailed(f"This has no value: {error}.") from error


def value_of(node: ast.expr) -> Number:
    """The value of a part of the tree."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return bounded(value)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in UNARY:
            return UNARY[type(op)](value_of(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return power(value_of(left), value_of(right))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in BINARY:
            return bounded(BINARY[type(op)](value_of(left), value_of(right)))
        case ast.Call(func=ast.Name(id="factorial"), args=[argument], keywords=[]):
            return factorial(value_of(argument))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return bounded(FUNCTIONS[name](*map(value_of, arguments)))
        case _:
            raise ToolFailed(f"This is not arithmetic that the calculator knows: {ast.unparse(node)[:80]!r}.")


def power(base: Number, exponent: Number) -> Number:
    """A power whose size is known before it is worked out."""
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * max(base.bit_length(), 1) > MOST_BITS:
        raise ToolFailed("The number gets too large.")
    value = base**exponent
    if isinstance(value, complex):
        raise ToolFailed("The result is not a real number.")
    return bounded(value)


def factorial(number: Number) -> int:
    """A factorial that is not too large."""
    if not isinstance(number, int) or not 0 <= number <= LARGEST_FACTORIAL:
        raise ToolFailed(f"factorial takes a whole number from 0 to {LARGEST_FACTORIAL}.")
    return math.factorial(number)


def bounded(value: Number) -> Number:
    """The value, unless it is too large to go on with."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise ToolFailed("The number gets too large.")
    return value


def shown(value: Number) -> str:
    """A number as text: whole ones exactly, others to 15 digits, which hides that 0.1 + 0.2 is not 0.3 to a computer."""
    return str(value) if isinstance(value, int) else format(value, ".15g")
