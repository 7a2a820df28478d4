# SPDX-License-Identifier: Apache-2.0
"""The operations of a function on tensors, noted down once and repeated: what a CUDA graph is on a GPU, on a CPU.

The same operations on the same arrays give the same numbers, bit for bit. What is saved is everything around them:
autograd's book-keeping and the Python that decides what to do, which a step of small arrays spends half its time on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

PART = 50  # operations that are compiled together: that takes memory
SAME = ("aten::detach", "aten::alias")  # without autograd these give their argument


def record(run: Callable[[], None]) -> Callable[[], None]:
    """Run a function without arguments or results once, and return one that does to its tensors what it did.

    That holds as long as the tensors it reads and writes stay where they are and it would do the same operations again:
    an operation that gives the host a number, which what follows may depend on, is a TypeError.
    """
    tape = _Tape()
    with tape:
        run()
    return tape.function()


class _Tape(TorchDispatchMode):
    """Lines of Python, one an operation: t1, t2 ... are tensors made by them, c1, c2 ... all that was there before."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[str, list[str]]] = []  # each with the made tensors that it names
        self.constants: dict[str, Any] = {}
        self.names: dict[int, str] = {}
        self.alive: list[Tensor] = []  # so that no two tensors have one id

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: tuple = (), keywords: dict | None = None
    ) -> Any:
        result = operation(*arguments, **(keywords or {}))
        if operation.namespace != "aten":  # the profiler's
            return result
        if operation.name() in SAME:
            self.alive.append(result)
            if id(arguments[0]) in self.names:
                self.names[id(result)] = self.names[id(arguments[0])]
            return result
        used: list[str] = []
        call = [self._text(x, used) for x in arguments]
        call += [f"{name}={self._text(x, used)}" for name, x in (keywords or {}).items()]
        line = f"{self._constant(operation)}({', '.join(call)})"
        several = isinstance(result, (list, tuple))
        made = [self._made(x) for x in (result if several else [] if result is None else [result])]
        self.lines.append((f"{', '.join(made)}{',' * several} = {line}" if made else line, used + made))
        return result

    def _text(self, x: Any, used: list[str]) -> str:
        """An argument as it stands in a line."""
        if isinstance(x, (list, tuple)):
            return f"[{', '.join(self._text(part, used) for part in x)}]"
        if isinstance(x, Tensor) and id(x) in self.names:
            used.append(self.names[id(x)])
            return self.names[id(x)]
        return repr(x) if x is None or isinstance(x, (bool, int)) else self._constant(x)

    def _constant(self, x: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = x
        return name

    def _made(self, x: Any) -> str:
        if not isinstance(x, Tensor):
            raise TypeError(f"{type(x).__name__} from an operation that is to be repeated: the next may be another")
        self.alive.append(x)
        return self.names.setdefault(id(x), f"t{len(self.names)}")

    def function(self) -> Callable[[], None]:
        """All lines as one function, which lets go of each tensor after the last line that names it."""
        last = {name: i for i, (_, names) in enumerate(self.lines) for name in names}
        body = []
        for i, (line, names) in enumerate(self.lines):
            over = sorted({name for name in names if last[name] == i})
            body.append(f"{line}\ndel {', '.join(over)}" if over else line)
        parts = [compile("\n".join(body[i : i + PART]), "<tape>", "exec") for i in range(0, len(body), PART)]
        scope = self.constants

        @torch.inference_mode()
        def repeat() -> None:
            for part in parts:
                exec(part, scope)

        return repeat
