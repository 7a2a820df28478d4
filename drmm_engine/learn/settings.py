# SPDX-License-Identifier: Apache-2.0
"""What a training run is made of: everything that its result depends on besides the data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ..em import LEAST_FLOOR, SHARED_ROWS, SIGMA_FLOOR
from ..fit import COVARIANCES, RESIDUALS

STARTS = ("random", "greedy")
CURRICULA = ("paper", "end-to-end")


@dataclass(frozen=True)
class Settings:
    """Settings of a run; the defaults are the paper's (Table 1), its curriculum as the authors' code runs it.

    components: K of each layer; learning_rate: at the start; covariance ("isotropic", "diagonal" or "full") and
    residual ("shift" or "whiten"): one word, or one a layer; start: "random" (the paper's truncated normal) or "greedy"
    (`drmm_engine.fit`); curriculum: "paper", or "end-to-end", which is its stage 3 alone on layers that are fitted
    before; truncation: of the components drawn in training (App. C.2); orphan: weight of the regulariser of stages 1
    and 2; start_rows: most rows that the random start looks at; shared_rows and floor: `fit.fit`'s shared and floor.
    """

    components: tuple[int, ...]
    iterations: int
    batch: int = 256
    learning_rate: float = 0.002
    covariance: str | tuple[str, ...] = "isotropic"
    residual: str | tuple[str, ...] = "shift"
    start: str = "random"
    curriculum: str = "paper"
    truncation: float = 0.5
    orphan: float = 0.01
    start_rows: int = 1024
    shared_rows: float = SHARED_ROWS
    floor: float = SIGMA_FLOOR
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))
        if not self.components or not all(isinstance(k, int) and k > 0 for k in self.components):
            raise ValueError(f"components must be one positive number a layer, got {self.components!r}")
        for name in ("iterations", "batch", "start_rows"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)!r}")
        if not 0 < self.learning_rate < 1:
            raise ValueError(f"learning_rate must lie between 0 and 1, got {self.learning_rate!r}")
        if not 0 <= self.shared_rows < np.inf:
            raise ValueError(f"shared_rows must not be negative, got {self.shared_rows!r}")
        if not LEAST_FLOOR <= self.floor < np.inf:
            raise ValueError(f"floor must be at least {LEAST_FLOOR}, got {self.floor!r}")
        if not 0 <= self.truncation < 1 or not self.orphan >= 0:
            raise ValueError(f"truncation must lie in [0, 1) and orphan not below 0, "
                             f"got {self.truncation!r}, {self.orphan!r}")
        for name, choices in (("start", STARTS), ("curriculum", CURRICULA)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        for name, choices in (("covariance", COVARIANCES), ("residual", RESIDUALS)):
            given = getattr(self, name)
            words = (given,) * len(self.components) if isinstance(given, str) else tuple(given)
            if len(words) != len(self.components) or not set(words) <= set(choices):
                raise ValueError(f"{name} must be one of {', '.join(choices)}, or one a layer, got {given!r}")
            object.__setattr__(self, name, words[0] if len(set(words)) == 1 else words)
        plain = isinstance(self.covariance, str) and not self.whitened and self.curriculum == "paper"
        if self.start == "random" and not plain:
            raise ValueError("full, whitened or different layers, and end-to-end training, need start = 'greedy'")

    @property
    def covariances(self) -> tuple[str, ...]:
        """One a layer."""
        return self._each(self.covariance)

    @property
    def residuals(self) -> tuple[str, ...]:
        """One a layer."""
        return self._each(self.residual)

    @property
    def whitened(self) -> bool:
        """Whether a covariance is full or a residual whitened."""
        return "full" in self.covariances or "whiten" in self.residuals[:-1]

    @property
    def first_rate(self) -> float:
        """The learning rate of the stages before the third, if there were any."""
        return self.learning_rate if self.curriculum == "paper" else 10 * self.learning_rate

    def position(self, iteration: int) -> tuple[int, int]:
        """Iteration and number of iterations of the paper's curriculum that an iteration counted from 0 stands at."""
        total = self.iterations
        return (iteration, total) if self.curriculum == "paper" else (2 * total + 1 + iteration, 3 * total)

    def _each(self, given: str | tuple[str, ...]) -> tuple[str, ...]:
        return (given,) * len(self.components) if isinstance(given, str) else given

    def to_json(self) -> dict:
        """As the model file and a checkpoint store them."""
        lists = {name: list(value) for name, value in asdict(self).items() if isinstance(value, tuple)}
        return asdict(self) | lists
