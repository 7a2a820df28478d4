# SPDX-License-Identifier: Apache-2.0
"""One mixture layer: component logits under evidence, and the affine map to its residual.

A layer sees x = mu_h + T_h r, T_h = I for the paper's shift residual and the Cholesky factor of C_h for a whitened one,
so an affine functional a.x + b of its input is (T_h' a).r + (b + a.mu_h) of its residual; densities stay those of a.x,
so that no |det T_h| enters (Eq. 7). The functions here are all the maths of a layer there is: training runs them under
autograd, sampling on torch or NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .arrays import Array, namespace
from .evidence import Classes, Evidence, Functionals, Inequalities, Observations
from .gaussians import Gaussians, correction, inequality_moments, log_masses, observation_logits


@dataclass(frozen=True)
class Layer:
    """Parameters of a layer of K components (paper, Eq. 1 to 4).

    log_weight [K]; mean [K, N] over all real variables; log_sigma [1, N] (shared by the components) or [K, N], or for
    full covariances cholesky [K, N, N], lower triangular (or, in training, its inverse whitening);
    log_prob: one [K, C] a categorical stream; latent_table [K_1 + ... + K_(l-1), K]: column k of block j is
    log P_l,j[k]; latent_start [l - 1]: first row of each block (None and None in the first layer).
    """

    log_weight: Array
    mean: Array
    log_sigma: Array
    log_prob: tuple[Array, ...] = ()
    latent_table: Array = None
    latent_start: Array = None
    covariance: str = "isotropic"
    residual: str = "shift"
    cholesky: Array = None
    whitening: Array = None

    @property
    def components(self) -> int:
        """K."""
        return len(self.log_weight)

    @cached_property
    def gaussians(self) -> Gaussians:
        """The components' distributions."""
        if self.covariance != "full":
            return Gaussians(self.mean[None], namespace(self.mean).exp(self.log_sigma)[None])
        cholesky, whitening = (None if x is None else x[None] for x in (self.cholesky, self.whitening))
        return Gaussians(self.mean[None], None, cholesky, whitening)

    @property
    def shares_covariance(self) -> bool:
        """Whether all components have the same one."""
        return self.covariance != "full" and self.log_sigma.shape[0] == 1

    def own(self, h: Array) -> Gaussians:
        """Of each case its component h [U] alone."""
        g, take = self.gaussians, namespace(self.mean).take
        mean = take(self.mean, h)[:, None]
        if g.diagonal:
            return Gaussians(mean, g.sigma if g.sigma.shape[1] == 1 else take(g.sigma[0], h)[:, None])
        return Gaussians(mean, None, self._each(g.scale, h)[:, None])

    def logits(self, evidence: Evidence, latents: Array, truncation: float = 0.0) -> Array:
        """log of w_h times the evidence's density under component h (Eq. 11), [U, K]; latents [U, l - 1] integers.

        Components below truncation times the likeliest may be -inf: see `truncated_logits`.
        """
        total = self.log_weight[None, :] + self.real_logits(replace(evidence, inequalities=None))
        if evidence.classes is not None:
            total = total + class_logits(self.log_prob, evidence.classes)
        if self.latent_table is not None:
            total = total + self.latent_logits(latents)
        o, i = evidence.observations, evidence.inequalities
        if i is None:
            return total
        if truncation > 0:
            return truncated_logits(total, i, o, self.gaussians, truncation)
        return total + inequality_logits(i, o, self.gaussians)

    def own_logits(self, evidence: Evidence, latents: Array, h: Array) -> Array:
        """`logits` of one component h [U] a case, [U]."""
        total = self.log_weight[h] + self.real_logits(evidence, self.own(h))[:, 0]
        if evidence.classes is not None:
            codes, weight = evidence.classes.codes, evidence.classes.weight
            for c, table in enumerate(self.log_prob):
                total = total + weight[:, c] * table[h, codes[:, c]]
        if self.latent_table is not None:
            total = total + self.latent_table[latents + self.latent_start, h[:, None]].sum(-1)
        return total

    def real_logits(self, evidence: Evidence, components: Gaussians | None = None) -> Array:
        """The real streams' part of `logits`: densities of observations, masses of inequalities."""
        g = self.gaussians if components is None else components
        parts = []
        if evidence.observations is not None:
            parts.append(observation_logits(evidence.observations, g))
        if evidence.inequalities is not None:
            parts.append(inequality_logits(evidence.inequalities, evidence.observations, g))
        return sum(parts[1:], parts[0]) if parts else 0.0 * g.mean.sum(-1)

    def latent_logits(self, latents: Array) -> Array:
        """Sum over the earlier layers j of log P_l,j[h][h_j], [U, K]: a look-up, as the latents are integers."""
        return namespace(self.latent_table).bag(self.latent_table, latents + self.latent_start)

    def residual_evidence(self, evidence: Evidence, case: Array | None, h: Array) -> Evidence:
        """Evidence about r = T_h^-1 (x - mu_h) for components h [U] of cases [U] (None: each its own)."""
        e = evidence if case is None else evidence.take(case)
        o, i = e.observations, e.inequalities
        o = o and replace(o, z=o.z - o.rows.apply_each(self.mean, h))
        i = i and replace(i, b=i.b + i.rows.apply_each(self.mean, h))
        if self.residual == "whiten":
            i = i and self._whitened_inequalities(i, o, h)
            o = o and self._whitened_observations(o, h)
        return Evidence(o, i, e.classes, e.rows if case is None else len(case))

    def _whitened_observations(self, o: Observations, h: Array) -> Observations:
        """z = A T_h r + e. Whole vectors stay so, as T_h^-1 z, and unit rows under a diagonal T_h, scaled by it."""
        xp, g = namespace(self.mean), self.gaussians
        if not (o.complete or (g.diagonal and o.rows.matrix is None)):
            return replace(o, rows=self._whitened(o.rows, h))
        if g.diagonal:
            scale = Functionals(o.rows.columns, None, True).apply_each(g.sigma[0], h * (g.sigma.shape[1] > 1))
            o = replace(o, noise=o.noise / scale**2, jitter=None if o.jitter is None else o.jitter / scale**2)
            z, log_scale = o.z / scale, (o.weight * xp.log(scale)).sum(-1)
        else:
            w = self._each(g.unscale, h)
            z = (w @ o.z[..., None])[..., 0]
            log_scale = -xp.log(w.diagonal(0, -2, -1)).sum(-1)
        return replace(o, z=z, log_volume=-log_scale if o.log_volume is None else o.log_volume - log_scale)

    def _whitened_inequalities(self, i: Inequalities, o: Observations | None, h: Array) -> Inequalities:
        """Under a full T_h every observation has a part in every variable of the residual."""
        shared = i.shared
        if o is not None and not self.gaussians.diagonal:
            shared = namespace(self.mean).integers(np.arange(o.z.shape[1]), self.mean)
        return replace(i, rows=self._whitened(i.rows, h), shared=shared)

    def _whitened(self, rows: Functionals, h: Array) -> Functionals:
        """A T_h."""
        g, a = self.gaussians, rows.dense(self.mean)
        if g.diagonal:
            scale = g.sigma[0] if g.sigma.shape[1] == 1 else namespace(self.mean).take(g.sigma[0], h)[:, None]
            return Functionals(None, a * scale, rows.disjoint)
        return Functionals(None, a @ self._each(g.scale, h), False)

    def _each(self, matrices: Array, h: Array) -> Array:
        """Of [1, K, N, N] one matrix a case, [U, N, N]."""
        n = matrices.shape[-1]
        return namespace(matrices).take(matrices.reshape(-1, n * n), h).reshape(-1, n, n)

    def reconstruct(self, h: Array, r: Array) -> Array:
        """x = mu_h + T_h r, [B, N]."""
        return namespace(self.mean).take(self.mean, h) + (self.scaled(h, r) if self.residual == "whiten" else r)

    def scaled(self, h: Array, r: Array) -> Array:
        """T_h r, [B, N], with the Cholesky factor of C_h whatever the residual is."""
        g = self.gaussians
        if g.diagonal:
            return r * (g.sigma[0] if g.sigma.shape[1] == 1 else namespace(r).take(g.sigma[0], h))
        return (self._each(g.scale, h) @ r[..., None])[..., 0]

    def unscaled(self, h: Array, x: Array) -> Array:
        """T_h^-1 x, [B, N]: the inverse of `scaled`."""
        g = self.gaussians
        if g.diagonal:
            return x / (g.sigma[0] if g.sigma.shape[1] == 1 else namespace(x).take(g.sigma[0], h))
        return (self._each(g.unscale, h) @ x[..., None])[..., 0]

    def correct(self, observations: Observations, h: Array) -> Array:
        """E[e | z] = C_h A' S^-1 z of what is left after the last layer, e ~ N(0, C_h), [B, N]."""
        return correction(observations, self.own(h))


def inequality_logits(i: Inequalities, o: Observations | None, g: Gaussians) -> Array:
    """sum of c_i log Phi((a_i.m + b_i) / sqrt(a_i V a_i)) with m, V of x given the observations, [U, K]."""
    centre, spread = inequality_moments(i, o, g)
    return log_masses(centre, spread, i.b[:, None], i.weight[:, None])


def truncated_logits(
    total: Array, i: Inequalities, o: Observations | None, g: Gaussians, truncation: float
) -> Array:
    """total [U, K] + `inequality_logits` for the components that reach truncation times the likeliest; else maybe -inf.

    Masses are at most 1, so a component whose total alone falls short of the floor that the best total sets is out, and
    its masses are not worked out: few are left of many where the rest of the evidence says much. Where most are left,
    picking them out would cost more than it saves.
    """
    xp = namespace(total)
    total = total + 0.0 * i.b[:, :1]
    centre, spread = inequality_moments(i, o, g)

    def masses(case: Array, h: Array) -> Array:
        """Of components h [P] in cases [P]; arrays of one row or one component hold for all."""
        c, s = (x[case * (len(x) > 1), h * (x.shape[1] > 1)] for x in (centre, spread))
        b, weight = (x[case * (len(x) > 1)] for x in (i.b, i.weight))
        return log_masses(c, s, b, weight)

    everyone, best = xp.integers(np.arange(len(total)), total), total.argmax(-1)
    floor = total[everyone, best] + masses(everyone, best) + math.log(truncation)
    case, h = xp.nonzero(total >= floor[:, None])
    if 2 * len(case) > len(total) * total.shape[1]:
        return total + log_masses(centre, spread, i.b[:, None], i.weight[:, None])
    kept = 0.0 * total - math.inf
    kept[case, h] = total[case, h] + masses(case, h)
    return kept


def class_logits(log_prob: tuple[Array, ...], classes: Classes) -> Array:
    """sum of m_c log p_h,c[x_c], [U, K]; codes [U, C] integers (any class where the weight is 0)."""
    take = namespace(classes.weight).take
    parts = [classes.weight[:, c, None] * take(table.T, classes.codes[:, c]) for c, table in enumerate(log_prob)]
    return sum(parts[1:], parts[0])


def choose(logits: Array, case: Array | None, noise: Array, truncation: float) -> tuple[Array, Array, Array]:
    """Components drawn by inverse distribution function, their log q, and log of the mass kept (paper, App. C.2).

    logits [U, K]; case [B] the row of each sample (None: its own, U = B); noise [B] uniform in [0, 1); components whose
    probability is below truncation times the largest are left out (0: none).
    """
    xp = namespace(logits)
    top = xp.constant(xp.amax(logits))  # its gradients cancel
    a = logits - top
    p = xp.exp(a)
    if truncation > 0:
        p = xp.at_least(truncation, p)
    log_mass = xp.log(p.sum(-1))
    total = xp.constant(p).cumsum(-1)
    if case is None:
        h = xp.count(total, noise * total[:, -1])
        return h, xp.along(a, h) - log_mass, top[:, 0] + log_mass
    h = xp.count(total[case], noise * total[case, -1])
    return h, a[case, h] - log_mass[case], (top[:, 0] + log_mass)[case]
