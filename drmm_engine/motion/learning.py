# SPDX-License-Identifier: Apache-2.0
"""A model that walks, learned from clips by fitting its layers one by one: NumPy alone, so that Blender can do it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from drmm_engine.body.rotations import Array
from drmm_engine.fit import fit
from drmm_engine.model import Model
from drmm_engine.motion.dataset import (
    MOST_COPIES,
    Motion,
    skeleton_of,
    standing_height,
    start_history,
    training_parts,
)
from drmm_engine.motion.features import WINDOW
from drmm_engine.motion.layout import Layout, Part, layout_for, rows, schema_of
from drmm_engine.scaling import to_model_units

COMPONENTS = (256, 256, 256, 256)
STEPS = 4  # of expectation-maximisation a layer: more of them gain likelihood, but no better walks
ROWS_A_COMPONENT = 20  # windows that a component is worth, at least
ROWS = 60_000  # windows that are learned from: memory and time
ROOM = 0.4  # share of the time that windows take, the layers take the rest

Progress = Callable[[float, str], None]


def learn(
    motion: Motion, seed: int = 0, components: tuple[int, ...] = COMPONENTS, progress: Progress | None = None,
    source: dict | None = None,
) -> Model:
    """A locomotion model of a motion; fewer components than said where there are few windows.

    progress is told the share that is done and of what, and may raise to stop; source goes into the model's data
    (source, licence). ValueError where no clip is as long as a window.
    """
    said = progress or (lambda share, text: None)
    rng = np.random.default_rng(seed)
    layout = layout_for(motion.styles)
    x = np.concatenate(list(_some(motion, layout, rng, lambda share: said(ROOM * share, "Cutting windows"))))
    schema = schema_of(x, layout)
    most = max(1, len(x) // ROWS_A_COMPONENT)
    sizes = tuple(min(size, most) for size in components)

    def tell(layer: int, step: int) -> None:
        done = (layer + step / STEPS) / len(sizes)
        said(ROOM + (1 - ROOM) * done, f"Layer {min(layer, len(sizes) - 1) + 1} of {len(sizes)}")

    tell(0, 0)
    model = fit(schema, to_model_units(schema, x), sizes, seed=seed, steps=STEPS,
                report=lambda layer, step, value: tell(layer, step + 1), keep=lambda fitted: tell(len(fitted), 0))
    features = {"kind": "locomotion", "start": np.round(start_history(motion.clips), 4).tolist()} | layout.said()
    data = model.data | {"clips": len(motion.clips), "windows": len(x)} | (source or {})
    return replace(model, skeleton=skeleton_of(motion.rest), features=features, data=data)


def _some(
    motion: Motion, layout: Layout, rng: np.random.Generator, tell: Callable[[float], None]
) -> Iterator[Array]:
    """Rows of windows and of as many copies as fill up `ROWS`, or of some windows at random."""
    count = max(1, 2 * sum(max(0, len(clip) - WINDOW + 1) for clip in motion.clips))
    copies = int(np.clip(round(ROWS / count) - 1, 0, MOST_COPIES))
    share = ROWS / (count * (copies + 1))
    tell(0.0)
    parts = training_parts(motion.clips, motion.styles, standing_height(motion.rest), copies, rng)
    for done, part in enumerate(parts):
        tell(min(1.0, done / (2 * len(motion.clips) * (copies + 1))))
        chosen = rng.random(len(part.windows)) < share
        yield rows(Part(part.windows[chosen], part.contacts[chosen], part.style), layout).astype(np.float32)
