"""A pickle read as data: what it would call is written down by name, and nothing is ever called.

A pickle is a program; `pickle.load` runs it. This machine knows the instructions that build plain
values, keeps every class and function as its name, and refuses each other instruction.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Unreadable(Exception):
    """The bytes are no pickle of plain values and named calls."""


@dataclass(frozen=True)
class Name:
    """A class or function that a pickle names."""

    path: str
    """Module and name, `numpy.dtype`."""


@dataclass
class Call:
    """A call that a pickle asks for."""

    name: str
    arguments: Any
    state: Any = None
    """What `__setstate__` would get."""


class _Mark:
    """Where a group of values begins on the stack."""


def load(content: bytes) -> Any:
    """The value that a pickle describes: plain values, `Name`s and `Call`s.

    Raises:
        Unreadable: It is cut, or has an instruction that is not one of the plain ones.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "STOP":
                return machine.stack[-1]
            machine.step(opcode.name, argument)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise Unreadable(str(error) or type(error).__name__) from error
    raise Unreadable("it has no end")


@dataclass
class _Machine:
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def step(self, name: str, argument: Any) -> None:
        """Does one instruction."""
        if name in _LITERALS:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in _IGNORED:
            raise Unreadable(f"it has the instruction {name}")

    def pop(self, count: int = 1) -> list[Any]:
        """The last values, taken off the stack."""
        if len(self.stack) < count:
            raise Unreadable("it takes more values than there are")
        taken, self.stack[-count:] = self.stack[-count:], []
        return taken

    def group(self) -> list[Any]:
        """The values above the last mark, taken off the stack with it."""
        marks = (i for i in reversed(range(len(self.stack))) if self.stack[i] is _Mark)
        start = next(marks, None)
        if start is None:
            raise Unreadable("it groups values without a mark")
        taken = self.stack[start + 1 :]
        del self.stack[start:]
        return taken


def _memoize(machine: _Machine, number: int | None) -> None:
    machine.memo[len(machine.memo) if number is None else number] = machine.stack[-1]


def _tuple(count: int | None) -> Callable[[_Machine, Any], None]:
    def make(machine: _Machine, _: Any) -> None:
        machine.stack.append(tuple(machine.group() if count is None else machine.pop(count)))

    return make


def _append(machine: _Machine, _: Any) -> None:
    (value,) = machine.pop()
    machine.stack[-1].append(value)


def _appends(machine: _Machine, _: Any) -> None:
    values = machine.group()
    machine.stack[-1].extend(values)


def _set_item(machine: _Machine, _: Any) -> None:
    key, value = machine.pop(2)
    machine.stack[-1][key] = value


def _set_items(machine: _Machine, _: Any) -> None:
    values = machine.group()
    machine.stack[-1].update(zip(values[::2], values[1::2], strict=True))


def _name(machine: _Machine, argument: str | None) -> None:
    module, name = machine.pop(2) if argument is None else argument.split(" ")
    machine.stack.append(Name(f"{module}.{name}"))


def _call(machine: _Machine, _: Any) -> None:
    function, arguments = machine.pop(2)
    machine.stack.append(Call(function.path, arguments))


def _build(machine: _Machine, _: Any) -> None:
    (state,) = machine.pop()
    machine.stack[-1].state = state


_IGNORED = {"PROTO", "FRAME"}
_LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "MARK": lambda: _Mark,
}
_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MEMOIZE": _memoize,
    "BINPUT": _memoize,
    "LONG_BINPUT": _memoize,
    "BINGET": lambda machine, number: machine.stack.append(machine.memo[number]),
    "LONG_BINGET": lambda machine, number: machine.stack.append(machine.memo[number]),
    "TUPLE": _tuple(None),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _name,
    "STACK_GLOBAL": _name,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "BUILD": _build,
}
