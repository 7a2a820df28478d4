# SPDX-License-Identifier: Apache-2.0
"""Small random models, and the same model written out as slowly and plainly as the paper defines it.

`Truth` knows nothing of the engine but the parameters: loops over components, scipy's densities, data units throughout.
"""

import itertools

import numpy as np
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

import drmm_engine as drmm
from drmm_engine.layer import Layer

SIGMAS = ("isotropic", "diagonal", "own")  # a scalar a stream, [N], [K, N]
KINDS = (*SIGMAS, "full", "whitened diagonal", "whitened", "mixed")
LAYERS = {  # what the layers of a kind are, the last entry for all that follow
    "isotropic": ["isotropic shift"], "diagonal": ["diagonal shift"], "own": ["own shift"], "full": ["full shift"],
    "whitened diagonal": ["own whiten", "isotropic whiten", "diagonal shift"], "whitened": ["full whiten"],
    "mixed": ["full whiten", "own shift", "full shift"],
}

KNOWN = drmm.Known({"x": 0.3, "u": -0.4})
PRIOR = drmm.GaussianPrior({"x": (0.5, 0.6), "z": (0.2, 0.4)})
EQUALITY = drmm.LinearEquality({"y": 1.0, "u": -0.5}, offset=0.1)
ABOVE = drmm.HalfSpace({"y": 1.0, "z": 0.7}, offset=-0.2)
BOX = drmm.Box({"y": (-0.6, 0.9), "z": (-np.inf, 1.0)})
STYLE = drmm.Known({"style0": "c1"})
QUERIES = {
    "nothing": [],
    "known": [KNOWN],
    "known softly": [drmm.Known({"x": 0.3, "u": -0.4}, weight=0.4), drmm.Known({"y": 0.1}, weight=2.0)],
    "prior": [PRIOR],
    "equality": [EQUALITY],
    "known, prior and equality that share variables": [KNOWN, PRIOR, EQUALITY],
    "half-space and box": [ABOVE, BOX],
    "half-space given a prior on one of its variables": [PRIOR, ABOVE],
    "half-space given soft and hard values": [drmm.Known({"z": 0.3}, weight=0.5), drmm.Known({"u": 0.1}), ABOVE],
    "weighted half-spaces": [drmm.HalfSpace({"x": 1.0}, weight=1.5), drmm.HalfSpace({"y": -1.0}, weight=0.5)],
    "class": [STYLE],
    "class softly, with all else": [drmm.Known({"style0": 2}, weight=0.5), KNOWN, PRIOR, EQUALITY, ABOVE, BOX],
}


def random_model(seed=0, components=(3, 4), sigma="isotropic", streams=2, classes=(), scaled=True, spread=1.0):
    """A model of real variables x, y (stream "a") and z, u ("b"), and a categorical stream a number of classes.

    Components overlap, so that importance weights stay even and sweeps mix; a spread of 4 sets them apart.
    """
    rng = np.random.default_rng(seed)
    real = [("a", ("x", "y")), ("b", ("z", "u"))][:streams]
    parts = [drmm.Stream(s, tuple(_variable(n, rng, scaled) for n in names)) for s, names in real]
    parts += [drmm.Stream.categorical(f"style{i}", [f"c{j}" for j in range(n)]) for i, n in enumerate(classes)]
    schema = drmm.Schema(tuple(parts))
    layers = []
    for level, k in enumerate(components):
        shrink = spread * 0.6**level
        tables = [log_rows(rng, components[j], k).T for j in range(level)]
        own, residual = LAYERS[sigma][min(level, len(LAYERS[sigma]) - 1)].split()
        covariance = {"own": "diagonal"}.get(own, own)
        layers.append(Layer(
            log_rows(rng, k),
            shrink * rng.normal(size=(k, 2 * streams)),
            None if own == "full" else np.log(0.8) + _log_sigma(rng, own, k, streams),
            tuple(log_rows(rng, n, k) for n in classes),
            np.concatenate(tables) if level else None,
            np.cumsum([0, *components[: level - 1]]) if level else None,
            covariance, residual, _cholesky(rng, k, streams) if own == "full" else None,
        ))
    return drmm.Model(schema, tuple(layers))


def _variable(name, rng, scaled):
    return drmm.Variable(name, "m", *((rng.normal(), rng.uniform(0.3, 3.0)) if scaled else ()))


def _log_sigma(rng, sigma, k, streams):
    if sigma == "isotropic":
        return np.repeat(0.3 * rng.normal(size=(1, streams)), 2, axis=1)
    return 0.3 * rng.normal(size=(1 if sigma == "diagonal" else k, 2 * streams))


def _cholesky(rng, k, streams):
    """Lower triangular, block diagonal over the streams, [k, 2 streams, 2 streams]."""
    factors = np.zeros((k, 2 * streams, 2 * streams))
    for i in range(0, 2 * streams, 2):
        factors[:, i : i + 2, i : i + 2] = [[[a, 0], [b, c]] for a, b, c in zip(
            *np.exp(0.3 * rng.normal(size=(1, k))) * 0.8, 0.5 * rng.normal(size=k),
            0.8 * np.exp(0.3 * rng.normal(size=k)), strict=True)]
    return factors


def log_rows(rng, n, rows=None):
    """Log-probabilities over n outcomes, [n] or [rows, n], none of them vanishing."""
    logits = rng.normal(size=n if rows is None else (rows, n))
    return logits - logsumexp(logits, axis=-1, keepdims=True)


def factor_of(layer, h):
    """The Cholesky factor of a component's covariance, [N, N], model units."""
    if layer.covariance == "full":
        return layer.cholesky[h]
    return np.diag(np.exp(layer.log_sigma[h if len(layer.log_sigma) > 1 else 0]))


class Truth:
    """p(h, conditions) by enumeration, for conditions that are the same for all samples."""

    def __init__(self, model, conditions=()):
        self.model, self.schema = model, model.schema
        self.names = [model.schema.names[i] for i in model.schema.real_columns]
        self.observed, self.unequal, self.classes = [], [], []
        for condition in conditions:
            if condition.weight > 0:
                self._read(condition)

    def _read(self, c):
        """Observations (a, z, noise, weight, log of the model unit) and inequalities (a, b, weight), in data units."""
        if isinstance(c, drmm.Known):
            for name, value in c.values.items():
                if name in self.names:
                    self.observed.append((self._normal({name: 1.0}), value, 0.0, c.weight, self._log_unit({name: 1.0})))
                else:
                    stream = next(i for i, s in enumerate(self.schema.categorical_streams) if s.name == name)
                    labels = self.schema.categorical_streams[stream].classes
                    code = labels.index(value) if isinstance(value, str) else int(value)
                    self.classes.append((stream, code, c.weight))
        elif isinstance(c, drmm.GaussianPrior):
            for name, (mean, sd) in c.priors.items():
                self.observed.append((self._normal({name: 1.0}), mean, sd**2, c.weight, self._log_unit({name: 1.0})))
        elif isinstance(c, drmm.LinearEquality):
            self.observed.append((self._normal(c.normal), -c.offset, 0.0, c.weight, self._log_unit(c.normal)))
        elif isinstance(c, drmm.HalfSpace):
            self.unequal.append((self._normal(c.normal), c.offset, c.weight))
        else:
            for name, (low, high) in c.limits.items():
                if np.isfinite(low):
                    self.unequal.append((self._normal({name: 1.0}), -low, c.weight))
                if np.isfinite(high):
                    self.unequal.append((self._normal({name: -1.0}), high, c.weight))

    def _normal(self, normal):
        return np.array([normal.get(name, 0.0) for name in self.names])

    def _log_unit(self, normal):
        """Densities of conditions are per model unit, along the normal."""
        return np.log(np.linalg.norm(self._normal(normal) * self.schema.scale))

    def component(self, path):
        """Mean [N] and covariance [N, N] of a (partial) path in data units: x = mu + T (mu' + T' (... + e))."""
        mean, turn = 0.0, np.diag(self.schema.scale)
        for layer, h in zip(self.model.layers, path[:-1], strict=False):
            mean = mean + turn @ layer.mean[h]
            if layer.residual == "whiten":
                turn = turn @ factor_of(layer, h)
        last = self.model.layers[len(path) - 1]
        mean, turn = mean + turn @ last.mean[path[-1]], turn @ factor_of(last, path[-1])
        return self.schema.offset + mean, turn @ turn.T

    def log_prior(self, path):
        """log of w_l[h_l] times the latent tables of the path's last layer."""
        layer, total, start = self.model.layers[len(path) - 1], 0.0, 0
        for j, h in enumerate(path[:-1]):
            total += layer.latent_table[start + h][path[-1]]
            start += self.model.layers[j].components
        return total + layer.log_weight[path[-1]]

    def given(self, path):
        """Mean and covariance of x given the observations; a weight below 1 widens its observation."""
        mean, covariance = self.component(path)
        if not self.observed:
            return mean, covariance
        a, z, noise, weight, _ = (np.array(column) for column in zip(*self.observed, strict=True))
        s = a @ covariance @ a.T + np.diag(noise)
        s = s + np.diag(np.diag(s) * (1 / np.minimum(weight, 1) - 1))
        gain = covariance @ a.T @ np.linalg.inv(s)
        return mean + gain @ (z - a @ mean), covariance - gain @ a @ covariance

    def within(self, path, count=200_000):
        """Draws of x given the observations that meet the inequalities, by rejection, [accepted, N]."""
        mean, covariance = self.given(path)
        x = np.random.default_rng(0).multivariate_normal(mean, covariance, count, method="svd")
        return x[np.all([x @ a + b > 0 for a, b, _ in self.unequal], axis=0)] if self.unequal else x

    def log_joint(self, path):
        """log p(path, conditions), the path's last layer taken as the model's last."""
        mean, covariance = self.component(path)
        total = self.log_prior(path)
        if self.observed:
            a, z, noise, weight, log_unit = (np.array(column) for column in zip(*self.observed, strict=True))
            s = a @ covariance @ a.T + np.diag(noise)
            if np.all(weight == 1):
                total += multivariate_normal.logpdf(z, a @ mean, s) + log_unit.sum()
            else:
                margins = weight @ (norm.logpdf(0, 0, np.sqrt(np.diag(s))) + log_unit)
                widened = s + np.diag(np.diag(s) * (1 / np.minimum(weight, 1) - 1))
                wide = widened / np.sqrt(np.outer(np.maximum(weight, 1), np.maximum(weight, 1)))
                correlation = np.linalg.slogdet(wide)[1] - np.log(np.diag(wide)).sum()
                total += margins - 0.5 * ((z - a @ mean) @ np.linalg.solve(wide, z - a @ mean) + correlation)
        mean, covariance = self.given(path)
        for a, b, weight in self.unequal:
            total += weight * norm.logcdf((a @ mean + b) / np.sqrt(max(a @ covariance @ a, 1e-12)))
        table = self.model.layers[len(path) - 1].log_prob
        return total + sum(weight * table[stream][path[-1]][code] for stream, code, weight in self.classes)

    def log_q(self, path, truncation=0.0):
        """log probability that the forward pass draws this path."""
        total = 0.0
        for level, h in enumerate(path):
            k = self.model.layers[level].components
            logits = np.array([self.log_joint((*path[:level], i)) for i in range(k)])
            kept = logits if truncation == 0 else logits[logits >= logits.max() + np.log(truncation)]
            total += logits[h] - logsumexp(kept)
        return total

    @property
    def paths(self):
        """All component paths."""
        return list(itertools.product(*(range(layer.components) for layer in self.model.layers)))

    def posterior(self):
        """p(path | conditions) of every path, and log p(conditions)."""
        joint = np.array([self.log_joint(path) for path in self.paths])
        return np.exp(joint - logsumexp(joint)), logsumexp(joint)


def mixture_log_prob(model, x):
    """log p of rows by the sum over all paths; NaN = marginalised."""
    schema, out = model.schema, []
    for row in x:
        known = {name: v for name, v in zip(schema.names, row, strict=True) if not np.isnan(v)}
        truth = Truth(model, [drmm.Known(known)])
        units = sum(np.log(schema.variables[schema.column(n)].scale) for n in known)
        out.append(truth.posterior()[1] - units)
    return np.array(out)


def tally(truth, components, weights=None):
    """Share of every path in a draw's components [B, L]."""
    index = {path: i for i, path in enumerate(truth.paths)}
    found = np.array([index[tuple(int(i) for i in h)] for h in components])
    return np.bincount(found, weights, minlength=len(index)) / (len(found) if weights is None else weights.sum())


def total_variation(p, q):
    """Half the absolute difference of two distributions."""
    return 0.5 * np.abs(p - q).sum()


def sampling_error(outcomes, draws):
    """What the total variation of `draws` independent draws from the truth stays below, all but one time in 10,000.

    Its mean is at most half of sqrt(outcomes / draws); by McDiarmid's inequality it exceeds its mean by t with
    probability exp(-2 draws t^2).
    """
    return 0.5 * np.sqrt(outcomes / draws) + np.sqrt(np.log(1e4) / (2 * draws))
