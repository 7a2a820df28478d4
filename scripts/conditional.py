# SPDX-License-Identifier: Apache-2.0
"""`python -m scripts.benchmark conditional`: what models say of rows that they have not seen, and of parts of them.

Three tables: the paper's humanoid, poses of motion capture, and a mixed one with gaps. The same rows for all methods:
scikit-learn's full-covariance mixtures, the paper's DRMM, nearest neighbours, and fitted whitened layers. A mixture of
scikit-learn's is asked as a model of one layer, which it is.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import drmm_engine as drmm
from drmm_engine.em import LEAST_FLOOR
from drmm_engine.layer import Layer
from drmm_engine.learn import Settings, train
from drmm_engine.reports import parameters
from drmm_engine.scaling import to_model_units
from training import common, humanoid2d

from . import clip_tables, gaps

HUMANOID, POSES, TABLE = "humanoid", "poses", "table"
GIVEN = ("left_foot", "right_foot", "right_hand")
DRAWS = 32
RIDGE = 1e-6  # added to variances: scikit-learn's default
POSES_ALIKE = 100.0  # `fit`'s shared rows for the frames of clips


@dataclass(frozen=True)
class Rows:
    """A table for all methods: what is trained on and what is held out, data units, NaN = missing."""

    schema: drmm.Schema
    train: np.ndarray
    held: np.ndarray


@dataclass(frozen=True)
class Neighbours:
    """Answers with the rows of the training data that are nearest in what is known."""

    rows: Rows

    def sample(self, query: Sequence[drmm.Known], count: int, **_: object) -> np.ndarray:
        """The `count` nearest rows [count, variables]."""
        columns = [self.rows.schema.column(name) for known in query for name in known.values]
        values = np.array([value for known in query for value in known.values.values()])
        distance = ((self.rows.train[:, columns] - values) ** 2).sum(1)
        return self.rows.train[np.argsort(distance)[:count]]


def conditional_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of this measurement alone."""
    group = parser.add_argument_group("conditional")
    group.add_argument("--tables", nargs="+", choices=(HUMANOID, POSES, TABLE), default=[HUMANOID, POSES, TABLE],
                       help="which (all)")
    group.add_argument("--rows", type=int, default=150_000, help="random poses of the humanoid (150000)")
    group.add_argument("--poses", type=int, default=65_000, help="poses of the clips, at most (65000)")
    group.add_argument("--queries", type=int, default=200, help="held-out rows that are asked for their parts (200)")
    group.add_argument("--mixtures", type=int, nargs="+", default=[64, 256], help="scikit-learn's (64 256)")
    group.add_argument("--paper-iterations", type=int, default=10_000, help="of the paper's DRMM (10000)")
    group.add_argument("--end-to-end", type=int, default=3000, help="gradient steps after fitting (3000)")
    group.add_argument("--cache", metavar="FOLDER", help="where models are kept from one run to the next")


def conditional(options: argparse.Namespace) -> dict:
    """Held-out likelihoods, inverse kinematics, unseen joints and missing values."""
    begin, results = time.monotonic(), {}
    cache = Path(options.cache) if options.cache else None
    if HUMANOID in options.tables:
        results[HUMANOID] = humanoid(options, cache)
    if POSES in options.tables:
        results[POSES] = poses(options, cache)
    if TABLE in options.tables:
        results[TABLE] = mixed_table(options)
    return {"conditional": results, "seconds": round(time.monotonic() - begin)}


def humanoid(options: argparse.Namespace, cache: Path | None) -> dict:
    """The paper's humanoid: likelihood, and by how much sampled angles miss goals for two feet and a hand."""
    schema = humanoid2d.schema(constants=False)
    columns = [humanoid2d.schema().column(name) for name in schema.names]
    rows = Rows(schema, humanoid2d.rows(options.rows, 0)[:, columns], humanoid2d.rows(2000, 999)[:, columns])
    targets = humanoid2d.rows(options.queries, 555)[:, columns]
    methods: dict[str, Callable[[], drmm.Model | Neighbours]] = {"nearest neighbours": lambda: Neighbours(rows)}
    methods |= {f"mixture of {k}": lambda k=k: mixture(rows, k) for k in options.mixtures}
    methods["paper's DRMM, 10 x 256"] = lambda: paper(rows, (256,) * 10, options.paper_iterations)
    methods["whitened 104 + 104"] = lambda: whitened(rows, (104, 104), 512, options.end_to_end)
    print(f"humanoid: {len(rows.train)} rows, {len(rows.held)} held out; goals for 2 feet and a hand, "
          f"{len(targets)} queries of {DRAWS} draws")
    return {name: _report(name, made := _kept(cache, f"humanoid {len(rows.train)} {name}", make),
                          rows, _reach(made, schema, targets)) for name, make in methods.items()}


def _reach(model: drmm.Model | Neighbours, schema: drmm.Schema, targets: np.ndarray) -> dict:
    """By how much the sampled angles, put through forward kinematics, miss the goals, cm, and how the draws differ."""
    names = [f"{point}_{axis}" for point in GIVEN for axis in "xy"]
    goals = targets[:, [schema.column(name) for name in names]]
    draws = np.stack([_values(model, [drmm.Known(dict(zip(names, map(float, goal), strict=True)))], DRAWS)
                      for goal in goals])
    whole = np.zeros((*draws.shape[:2], 18))
    turning = [i for i, name in enumerate(humanoid2d.schema().names[:18]) if name in schema.names]
    whole[..., turning] = draws[..., : len(turning)]
    origins, _ = humanoid2d.forward(whole.reshape(-1, 18))
    places = origins[:, [humanoid2d.index(point) for point in GIVEN]].reshape(*draws.shape[:2], 3, 2)
    miss = 100 * np.linalg.norm(places - goals.reshape(-1, 1, 3, 2), axis=-1).mean(-1)
    return {"per_draw_cm": round(float(miss.mean()), 2), "best_of_32_cm": round(float(miss.min(1).mean()), 2),
            "spread_of_draws_rad": round(float(draws[..., 2 : len(turning)].std(1).mean()), 3)}


def _values(model: drmm.Model | Neighbours, query: list[drmm.Known], count: int) -> np.ndarray:
    if isinstance(model, Neighbours):
        return model.sample(query, count)
    sweeps = 2 if len(model.layers) == 2 else 0  # more of the paper's layers cost minutes and gain nothing
    return model.sample(query, count, truncation=0.0 if sweeps else 0.05, sweeps=sweeps, resample=not sweeps).values


def poses(options: argparse.Namespace, cache: Path | None) -> dict:
    """Poses of motion capture, split by clip: likelihood, and the error of joints that are not given."""
    if not options.clips:
        raise SystemExit("benchmark: conditional needs --clips for poses and table, or --tables humanoid")
    train_clips, held_clips = clip_tables.split(clip_tables.read(options.clips))
    schema = clip_tables.pose_schema(train_clips)
    rng = np.random.default_rng(0)
    x, held = (clip_tables.pose_rows(clips) for clips in (train_clips, held_clips))
    rows = Rows(schema, x[rng.permutation(len(x))[: options.poses]], held[rng.permutation(len(held))[:2000]])
    methods: dict[str, Callable[[], drmm.Model | Neighbours]] = {"nearest neighbours": lambda: Neighbours(rows)}
    methods |= {f"mixture of {k}": lambda k=k: mixture(rows, k) for k in options.mixtures}
    methods["paper's DRMM, 10 x 128"] = lambda: paper(rows, (128,) * 10, options.paper_iterations // 4)
    methods["mixture of 64, floor as below"] = lambda: mixture(rows, 64, (LEAST_FLOOR * schema.scale[0]) ** 2)
    methods["whitened 128 + 64"] = lambda: whitened_poses(rows, options.end_to_end // 3)
    print(f"poses: {len(rows.train)} rows of {len(train_clips)} clips, {len(rows.held)} of {len(held_clips)} held out; "
          f"given {', '.join(clip_tables.GIVEN)}")
    return {name: _report(name, made := _kept(cache, f"poses {len(rows.train)} {name}", make), rows,
                          _unseen(made, rows, options.queries)) for name, make in methods.items()}


def _unseen(model: drmm.Model | Neighbours, rows: Rows, count: int) -> dict:
    """The mean distance of unseen joints from the mean of their draws, cm."""
    given = [name for name in rows.schema.names if name.split(".")[0] in clip_tables.GIVEN]
    errors = []
    for row in rows.held[:count]:
        known = [drmm.Known({name: float(row[rows.schema.column(name)]) for name in given})]
        if isinstance(model, Neighbours):
            mean = model.sample(known, 1).mean(0)
        else:
            mean = model.sample(known, 256, truncation=0.0, resample=True).values.mean(0)
        joints = clip_tables.joints(rows.schema, mean - row)
        errors.append(np.mean([np.linalg.norm(d) for name, d in joints.items() if name not in clip_tables.GIVEN]))
    return {"unseen_joints_cm": round(100 * float(np.mean(errors)), 3)}


def mixed_table(options: argparse.Namespace) -> dict:
    """Reals and classes with a fifth of the values missing: likelihood of what is there, error of what is not."""
    return gaps.measure(*clip_tables.split(clip_tables.read(options.clips)), options)


def _report(name: str, model: drmm.Model | Neighbours, rows: Rows, more: dict) -> dict:
    result: dict = {}
    if isinstance(model, drmm.Model):
        result = {"parameters": parameters(model), "layers": len(model.layers),
                  "log_likelihood": round(float(model.log_prob(rows.held, samples=32).mean()), 2)}
    result |= more
    print(f"  {name}: " + ", ".join(f"{key} {value}" for key, value in result.items()), flush=True)
    return result


def _kept(
    cache: Path | None, name: str, make: Callable[[], drmm.Model | Neighbours]
) -> drmm.Model | Neighbours:
    """Models are made once and read again from the cache's folder, if there is one."""
    path = cache and cache / f"{name.replace(' ', '_').replace(chr(39), '')}.drmm.safetensors"
    if path and path.exists():
        return drmm.load(path)
    begin, model = time.process_time(), make()
    if isinstance(model, drmm.Model):
        print(f"  ({name}: made in {time.process_time() - begin:.0f} s)", flush=True)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            model.save(path)
    return model


def mixture(rows: Rows, components: int, ridge: float = RIDGE) -> drmm.Model:
    """scikit-learn's full-covariance mixture of complete rows, in data units."""
    from sklearn.mixture import GaussianMixture

    made = GaussianMixture(components, reg_covar=ridge, random_state=0).fit(rows.train.astype(float))
    return as_model(rows.schema, made.weights_, made.means_, made.covariances_)


def as_model(schema: drmm.Schema, weights: np.ndarray, means: np.ndarray, covariances: np.ndarray) -> drmm.Model:
    """A mixture in data units as a model of one layer."""
    cholesky = np.linalg.cholesky(covariances.astype(float)) / schema.scale[:, None]
    log_weight = np.log(np.maximum(weights, 1e-12).astype(float))
    layer = Layer(log_weight - np.logaddexp.reduce(log_weight), (means.astype(float) - schema.offset) / schema.scale,
                  None, covariance="full", residual="shift", cholesky=cholesky)
    return drmm.Model(schema, (layer,))


def paper(rows: Rows, components: tuple[int, ...], iterations: int) -> drmm.Model:
    """The paper's model by its curriculum."""
    return train(rows.schema, to_model_units(rows.schema, rows.train), Settings(components, iterations))


def whitened(
    rows: Rows, components: tuple[int, ...], batch: int, iterations: int, **more: float
) -> drmm.Model:
    """Full covariances and whitened residuals, fitted and trained end to end as the recipes do; more settings."""
    x = to_model_units(rows.schema, rows.train)
    settings = Settings(components, iterations, batch=batch, learning_rate=0.003, covariance="full", residual="whiten",
                        start="greedy", curriculum="end-to-end", **more)
    return common.fitted_and_trained(rows.schema, x, x, settings, train)


def whitened_poses(rows: Rows, iterations: int) -> drmm.Model:
    """`whitened` of poses and their mirror images; sizes, shared rows and floor are those that clips left out of the
    training clips liked best."""
    both = np.concatenate([rows.train, clip_tables.mirrored(rows.schema, rows.train)])
    return whitened(replace(rows, train=both), (128, 64), 256, iterations, shared_rows=POSES_ALIKE, floor=LEAST_FLOOR)
