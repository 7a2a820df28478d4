# SPDX-License-Identifier: Apache-2.0
"""Poses of a rig: drawn at random within its limits, as the vectors that a model is over, and learned by fitting.

NumPy alone, so that a rig is learned inside Blender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from drmm_engine.body.heading import Heading
from drmm_engine.body.joints import Joints
from drmm_engine.body.rig import Rig
from drmm_engine.body.rotations import Array
from drmm_engine.fit import fit
from drmm_engine.model import Model
from drmm_engine.scaling import rescaled, to_model_units
from drmm_engine.schema import Schema, Stream, Variable

COUNT, FIRST = 200_000, 15_000
"""Poses that a rig is learned from, and how many of them the first model sees."""
COMPONENTS, FIRST_COMPONENTS = 32, 16
"""Components of the model and of the first one, where there are poses enough."""
STEPS = 8  # of expectation-maximisation: 12 more gain 0.2 nats a pose, and nothing in what is drawn
ROWS_A_COMPONENT = 3  # times the variables: fewer rows than that say too little of a covariance
NUMBERS = 2_000_000  # in all covariances, at most: 8 megabytes of a file
WILD = (0.3, 1.1)  # spread of a pose's angles about rest; about 1 fills the limits evenly
CHAIN = 0.5  # correlation of a joint's angles with those of the driven joint before it
INSIDE = 0.1  # share of a range that is left to either side of the middle pose
GIVEN = 0.7  # share of poses made from given ones, where there are enough
COPIES = 200  # of a given pose, at most
JITTER = 0.03  # standard deviation of a copy's angles, in ranges
WIDELY = 0.5  # root mean square turn of the root about the vertical from which on headings are left out, radians
BLOCK = 4096  # poses whose matrices are worked out at a time

Progress = Callable[[float, str], object]


class _Stopped(Exception):
    """The caller has asked to stop."""


def random_poses(joints: Joints, count: int, rng: np.random.Generator) -> Array:
    """Parameters [count, P] within their limits: angles in a bell about rest, narrow in some poses and wide in others,
    and places of bones that move about evenly.

    theta = low + (high - low) / (1 + exp(-1.7 s z - logit f)), with f the place of rest between the limits, z standard
    normal and correlated along chains, and one s ~ U(WILD) a pose; for places f = 1/2 and s = 1.
    """
    low, high = joints.low, joints.high
    z = rng.standard_normal((count, len(low)))
    for column, before in _chains(joints):
        z[:, column] = CHAIN * z[:, before] + np.sqrt(1 - CHAIN**2) * z[:, column]
    turns = np.array([unit == "rad" for unit in joints.units])
    spread = np.where(turns, rng.uniform(*WILD, (count, 1)), 1.0)
    width = np.where(high > low, high - low, 1.0)
    middle = np.where(turns, np.clip((np.clip(0.0, low, high) - low) / width, INSIDE, 1 - INSIDE), 0.5)
    share = 1 / (1 + np.exp(-1.7 * spread * z - np.log(middle / (1 - middle))))
    return np.clip(low + (high - low) * share, low, high)


def _chains(joints: Joints) -> Iterator[tuple[int, int]]:
    """Pairs of parameters: an axis of a joint, and the same of the nearest driven joint before it, in tree order."""
    armature, columns = joints.armature, {name: i for i, name in enumerate(joints.names)}
    driven = {joint.bone for joint in joints.joints}
    for bone in armature.names:
        parent = armature.parents[armature.names.index(bone)]
        while parent >= 0 and armature.names[parent] not in driven:
            parent = armature.parents[parent]
        for axis in "xyz" if bone in driven and parent >= 0 else "":
            own, before = f"{bone}.{axis}", f"{armature.names[parent]}.{axis}"
            if own in columns and before in columns:
                yield columns[own], columns[before]


def jittered(rig: Rig, given: Array, count: int, rng: np.random.Generator) -> Array:
    """Copies [count, P] of given poses [n, P], each changed a little within the limits and moved about at its height.

    A pose is as good in any place of the floor, and goals are to find it there. ValueError on other shapes.
    """
    joints, root = rig.joints, root_heading(rig)
    given, low, high = np.atleast_2d(np.asarray(given, float)), joints.low, joints.high
    if given.shape[1:] != low.shape or not np.isfinite(given).all():
        raise ValueError(f"given poses must be [n, {len(low)}] finite numbers, got shape {given.shape}")
    noise = JITTER * (high - low) * rng.standard_normal((count, len(low)))
    theta = np.clip(given[rng.integers(len(given), size=count)] + noise, low, high)
    if root.moves.start < joints.P:
        away = random_poses(joints, count, rng)[:, root.moves] - theta[:, root.moves]
        theta[:, root.moves] += away - (away @ root.axis)[:, None] * root.axis
    return np.clip(theta, low, high)


@dataclass(frozen=True)
class Variables:
    """The variables of a rig model: the parameters that may move, then the effectors' places.

    free [F]: places among the P parameters; linear [3 E, F]: of the effectors' places the part that is linear in the
    parameters in every pose, which is what bones do that are moved; heading: of a root that turns widely, whose turns
    are left out of the variables (None: there is none).
    """

    rig: Rig
    free: np.ndarray
    linear: Array
    heading: Heading | None

    @classmethod
    def of(cls, rig: Rig) -> Variables:
        """The variables of a rig."""
        joints = rig.joints
        free, some = np.flatnonzero(joints.high > joints.low), random_poses(joints, 3, np.random.default_rng(0))
        moved = places(rig, (some[:, None] + np.eye(joints.P)[free]).reshape(-1, joints.P))
        change = moved.reshape(len(some), len(free), -1) - places(rig, some)[:, None]
        least = 1e-9 * rig.stature
        same = np.abs(change - change[:1]).max(axis=(0, 2)) < least
        linear = np.where(same[:, None] & (np.abs(change[0]) > least), change[0], 0.0).T
        return cls(rig, free, linear, free_heading(rig))

    @property
    def schema(self) -> Schema:
        """One stream of unscaled variables: pose.BONE.AXIS, and at.BONE.END.AXIS of each effector."""
        joints = self.rig.joints
        own = [Variable(parameter(joints.names[i]), joints.units[i]) for i in self.free]
        far = [Variable(place(*effector, axis), "m") for effector in self.rig.effectors for axis in "xyz"]
        return Schema((Stream("rig", (*own, *far)),))

    def rows(self, theta: Array) -> Array:
        """Vectors [n, F + 3 E] of poses [n, P] that head as at rest, the places less their linear part."""
        if self.heading is not None:
            theta = self.heading.turned(theta, -self.heading.angle(theta))
        own = theta[:, self.free]
        return np.concatenate([own, places(self.rig, theta) - own @ self.linear.T], axis=1)

    def whole(self, model: Model) -> Model:
        """A model of `rows` as the same model with the places themselves: exact, as the linear part shears Gaussians.

        x' = A x with A = [1 0; linear 1] takes means to A mu, and a Cholesky factor T to A T, which is one again.
        """
        offset, scale, own = model.schema.offset.copy(), model.schema.scale, len(self.free)
        offset[own:] += self.linear @ offset[:own]
        shear = np.eye(len(scale))
        shear[own:, :own] = self.linear * scale[:own] / scale[own:, None]
        seen = 1 if model.layers[0].residual == "whiten" else len(model.layers)
        layers = [replace(layer, mean=layer.mean @ shear.T, cholesky=shear @ layer.cholesky)
                  for layer in model.layers[:seen]]
        (stream,) = model.schema.streams
        variables = tuple(replace(v, offset=float(o)) for v, o in zip(stream.variables, offset, strict=True))
        return replace(model, schema=Schema((replace(stream, variables=variables),)),
                       layers=(*layers, *model.layers[seen:]))


def parameter(name: str) -> str:
    """The variable of a parameter: "pose.thigh.L.x"."""
    return f"pose.{name}"


def place(bone: str, end: str, axis: str) -> str:
    """The variable of an effector's coordinate in armature space: "at.hand.L.head.z"."""
    return f"at.{bone}.{end}.{axis}"


def root_heading(rig: Rig) -> Heading:
    """The heading of the first driven bone."""
    return Heading.of(rig, rig.joints.armature.names[rig.joints.bones.min()])


def free_heading(rig: Rig) -> Heading | None:
    """The heading of the first driven bone, if it turns widely about the vertical and all effectors turn with it."""
    heading = root_heading(rig)
    some = random_poses(rig.joints, 200, np.random.default_rng(0))
    if np.sqrt(np.mean(heading.angle(some) ** 2)) < WIDELY:
        return None
    turned, before = (places(rig, theta).reshape(len(some), -1, 3) for theta in (heading.turned(some, 1.0), some))
    alike = np.abs(turned - heading.points(before, 1.0)).max() < 1e-6 * rig.stature
    return heading if alike else None


def places(rig: Rig, theta: Array) -> Array:
    """Places [n, 3 E] of the effectors in poses [n, P], armature units."""
    parts = [rig.points(rig.joints.matrices(theta[i : i + BLOCK])) for i in range(0, len(theta), BLOCK)]
    return np.concatenate(parts).reshape(len(theta), -1)


def learn(
    rig: Rig, given: Array | None = None, count: int = COUNT, seed: int = 0, progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Model]:
    """Models of a rig's poses, each better than the one before: one of few poses first, then one of all `count`.

    given [n, P]: poses of which copies are mixed in. progress is told the share that is done, and what is going on;
    once stop() is true no further model comes. ValueError where the poses do not fit the rig.
    """
    if not isinstance(count, (int, np.integer)) or count < 2:
        raise ValueError(f"count must be a whole number of at least 2 poses, got {count!r}")
    rng, said = np.random.default_rng(seed), progress or (lambda share, text: None)
    variables = Variables.of(rig)
    stages = [(FIRST, FIRST_COMPONENTS), (count, COMPONENTS)] if count > 2 * FIRST else [(count, COMPONENTS)]
    total, begun = sum(rows * components for rows, components in stages), 0.0
    try:
        for rows, most in stages:
            share = rows * most / total
            theta = mixed(rig, given, rows, rng)
            tell = _teller(said, stop, begun, share, rows)
            yield _learned(variables, theta, most, seed, tell, 0 if given is None else len(given))
            begun += share
    except _Stopped:
        return


def mixed(rig: Rig, given: Array | None, count: int, rng: np.random.Generator) -> Array:
    """Poses [count, P]: random ones, and copies of the given ones."""
    if given is None:
        return random_poses(rig.joints, count, rng)
    copies = min(int(GIVEN * count), COPIES * len(np.atleast_2d(given)))
    return np.concatenate([random_poses(rig.joints, count - copies, rng), jittered(rig, given, copies, rng)])


def _teller(
    said: Progress, stop: Callable[[], bool] | None, begun: float, share: float, rows: int
) -> Callable[[float], None]:
    """A function that tells what share of a stage is done, and stops where that is asked for."""

    def tell(done: float) -> None:
        if stop is not None and stop():
            raise _Stopped
        said(begun + share * done, f"Learning from {rows:,} poses")

    return tell


def _learned(
    variables: Variables, theta: Array, most: int, seed: int, tell: Callable[[float], None], given: int
) -> Model:
    """The model of poses [n, P] with at most so many components."""
    tell(0.0)
    rig, x = variables.rig, variables.rows(theta)
    tell(0.1)
    schema = rescaled(variables.schema, x)
    wide = x.shape[1]
    components = int(np.clip(len(x) // (ROWS_A_COMPONENT * wide), 1, min(most, max(1, NUMBERS // wide**2))))
    model = fit(schema, to_model_units(schema, x), (components,), "full", seed=seed, steps=STEPS,
                report=lambda layer, step, value: tell(0.1 + 0.9 * (step + 1) / STEPS))
    tell(1.0)
    return replace(variables.whole(model), features=features(variables), skeleton=rig.to_json(),
                   training={"seed": seed, "steps": STEPS, "components": [components]},
                   data={"source": "random poses of a rig", "rows": len(x), "given poses": given})


def features(variables: Variables) -> dict:
    """What the file of a rig model says in `features`; heading: the bone whose turns upright are not in it."""
    effectors = [list(effector) for effector in variables.rig.effectors]
    root = variables.heading
    return {"kind": "rig", "effectors": effectors, "heading": root and root.bone}
