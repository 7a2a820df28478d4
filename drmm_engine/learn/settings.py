# SPDX-License-Identifier: Apache-2.0
"""What a training run is made of: everything that its result depends on besides the data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

STARTS = ("random", "greedy")
COVARIANCES = ("isotropic", "diagonal")


@dataclass(frozen=True)
class Settings:
    """Settings of a run; the defaults are the paper's (Table 1), its curriculum as the authors' code runs it.

    components: K of each layer; learning_rate: before stage 3; start: "random" (the paper's truncated normal) or
    "greedy" (`drmm_engine.fit`); truncation: of the components drawn in training (App. C.2); orphan: weight of the
    regulariser of stages 1 and 2; start_rows: most rows that the random start looks at.
    """

    components: tuple[int, ...]
    iterations: int
    batch: int = 256
    learning_rate: float = 0.002
    covariance: str = "isotropic"
    start: str = "random"
    truncation: float = 0.5
    orphan: float = 0.01
    start_rows: int = 1024
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
        if not 0 <= self.truncation < 1 or not self.orphan >= 0:
            raise ValueError(f"truncation must lie in [0, 1) and orphan not below 0, "
                             f"got {self.truncation!r}, {self.orphan!r}")
        for name, allowed in (("covariance", COVARIANCES), ("start", STARTS)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")

    def to_json(self) -> dict:
        """As the model file and a checkpoint store them."""
        return asdict(self) | {"components": list(self.components)}
