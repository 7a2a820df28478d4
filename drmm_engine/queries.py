# SPDX-License-Identifier: Apache-2.0
"""Conditions as the command line takes them: short texts and JSON files, in data units."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from .conditions import Box, Condition, GaussianPrior, HalfSpace, Known, LinearEquality

KINDS = {kind.__name__: kind for kind in (Known, GaussianPrior, HalfSpace, LinearEquality, Box)}
HELP = """\
--where takes "x + 0.2 y > -0.1", "x - 2 y < 1", "x + y = 0.5" and, for a mean and a standard deviation, "y ~ 0 +- 0.3";
signs and numbers stand apart from names by spaces.

FILE.json holds a list of conditions, in data units; each may have a "weight" (1 if left out; 0: as if not there):
  [{"kind": "Known", "values": {"x": 0.5, "style": "run"}},
   {"kind": "GaussianPrior", "priors": {"y": [0.0, 0.3]}},              mean and standard deviation
   {"kind": "HalfSpace", "normal": {"x": 1, "y": 0.2}, "offset": 0.1},  1 x + 0.2 y + 0.1 > 0
   {"kind": "LinearEquality", "normal": {"x": 1, "y": -1}, "offset": 0},
   {"kind": "Box", "limits": {"y": [-1, null]}}]                        null: no limit
"""
FORMS = '"x + 0.2 y > -0.1", "x = 0.5" or "y ~ 0 +- 0.3"'
NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"


def known(text: str) -> Known:
    """NAME=VALUE, the value a number or a class."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ValueError(f"--known needs NAME=VALUE, got {text!r}")
    try:
        return Known({name: float(value)})
    except ValueError:
        return Known({name: value})


def where(text: str) -> Condition:
    """A half-space, a linear equality or a Gaussian prior as `HELP` writes them."""
    parts = re.fullmatch(r"\s*([^<>=~]*[^<>=~\s])\s*([<>=~])\s*([^<>=~]*[^<>=~\s])\s*", text)
    if parts is None:
        raise _refusal(text)
    left, relation, right = parts.groups()
    if relation == "~":
        mean, _, sd = right.partition("+-")
        return GaussianPrior({left: (_number(mean, text), _number(sd, text))})
    sign = -1.0 if relation == "<" else 1.0
    normal, constant = _sum(left, text)
    kind = LinearEquality if relation == "=" else HalfSpace
    return kind({name: sign * a for name, a in normal.items()}, sign * (constant - _number(right, text)))


def _sum(side: str, text: str) -> tuple[dict[str, float], float]:
    """Coefficients by name, and what stands alone."""
    words = [w for w in re.split(r"(?:^|\s+)([+-])\s+|^(-)(?=[^\d.])", side) if w]
    if words[0] not in ("+", "-"):
        words.insert(0, "+")
    normal: dict[str, float] = {}
    constant = 0.0
    if len(words) % 2:
        raise _refusal(text)
    for sign, term in zip(words[::2], words[1::2], strict=True):
        size, name = re.fullmatch(rf"(?:([+-]?{NUMBER})(?:\s*\*\s*|\s+|$))?(.*)", term).groups()  # type: ignore
        a = float(sign + "1") * float(size or 1.0)
        if name:
            normal[name] = normal.get(name, 0.0) + a
        else:
            constant += a
    if not normal:
        raise _refusal(text)
    return normal, constant


def _number(word: str, text: str) -> float:
    try:
        number = float(word)
    except ValueError:
        raise _refusal(text) from None
    if not math.isfinite(number):
        raise _refusal(text)
    return number


def _refusal(text: str) -> ValueError:
    return ValueError(f"--where needs a condition like {FORMS}, got {text!r}")


def read(path: str | None) -> list[Condition]:
    """The conditions of a JSON file; ValueError names the file and the condition."""
    if path is None:
        return []
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(entries, list):
        raise ValueError(f"{path}: must hold a list of conditions, got {type(entries).__name__}")
    return [_condition(f"{path}: condition {i}", entry) for i, entry in enumerate(entries, 1)]


def _condition(where: str, entry: object) -> Condition:
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str) or entry["kind"] not in KINDS:
        raise ValueError(f"{where}: \"kind\" must be one of {', '.join(KINDS)}, got {entry!r}")
    fields = {name: value for name, value in entry.items() if name != "kind"}
    if isinstance(fields.get("limits"), dict):
        fields["limits"] = {name: _limits(pair) for name, pair in fields["limits"].items()}
    try:
        return KINDS[entry["kind"]](**fields)
    except TypeError as error:
        raise ValueError(f"{where}: {str(error).removeprefix(entry['kind'] + '.__init__() ')}") from None


def _limits(pair: object) -> object:
    """A pair of limits; null is no limit."""
    if not isinstance(pair, list) or len(pair) != 2:
        return pair
    return tuple(none if limit is None else limit for limit, none in zip(pair, (-math.inf, math.inf), strict=True))
