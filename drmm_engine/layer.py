# SPDX-License-Identifier: Apache-2.0
"""One mixture layer: component logits under evidence, and the affine map to its residual.

A layer sees x = mu_h + T_h r (T = I for the paper's shift residual), so an affine functional a.x + b of its input is
(T_h' a).r + (b + a.mu_h) of its residual; densities stay those of a.x, so that no |det T_h| enters (Eq. 7). The
functions here are all the maths of a layer there is: training runs them under autograd, sampling on torch or NumPy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .arrays import Array, namespace
from .evidence import Classes, Evidence, Inequalities, Observations, shift

LOG_2PI = math.log(2 * math.pi)
JITTER = 1e-9  # relative; keeps repeated hard observations invertible, and is the same for all components
TINY = 1e-12  # stands for a weight of 0 where it is divided by
KNOWN = 1e-4  # the share of the components' mean variance that an inequality on known variables keeps


@dataclass(frozen=True)
class Layer:
    """Parameters of a layer of K components (paper, Eq. 1 to 4).

    log_weight [K]; mean [K, N] over all real variables; log_sigma [1, N] (shared by the components) or [K, N];
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

    @property
    def components(self) -> int:
        """K."""
        return len(self.log_weight)

    @property
    def variance(self) -> Array:
        """Variances of the components, [1 or K, N]."""
        return namespace(self.mean).exp(2 * self.log_sigma)

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
            return truncated_logits(total, i, o, self.mean, self.variance, truncation)
        return total + inequality_logits(i, o, self.mean, self.variance)

    def real_logits(self, evidence: Evidence, mean: Array | None = None) -> Array:
        """The real streams' part of `logits`: densities of observations, masses of inequalities."""
        mean, variance = self.mean if mean is None else mean, self.variance
        parts = []
        if evidence.observations is not None:
            parts.append(observation_logits(evidence.observations, mean, variance))
        if evidence.inequalities is not None:
            parts.append(inequality_logits(evidence.inequalities, evidence.observations, mean, variance))
        return sum(parts[1:], parts[0]) if parts else 0.0 * mean.sum(-1)[None]

    def latent_logits(self, latents: Array) -> Array:
        """Sum over the earlier layers j of log P_l,j[h][h_j], [U, K]: a look-up, as the latents are integers."""
        return namespace(self.latent_table).bag(self.latent_table, latents + self.latent_start)

    def residual_evidence(self, evidence: Evidence, case: Array | None, h: Array) -> Evidence:
        """Evidence about r = T_h^-1 (x - mu_h) for components h [U] of cases [U] (None: each its own)."""
        o, i = evidence.observations, evidence.inequalities
        take = namespace(self.mean).take
        observed = None if o is None else take(o.rows.apply(self.mean), h)
        unequal = None if i is None else take(i.rows.apply(self.mean), h)
        return shift(evidence, case, observed, unequal)

    def reconstruct(self, h: Array, r: Array | float = 0.0) -> Array:
        """x = mu_h + T_h r, [B, N]."""
        return self.mean[h] + r

    def correct(self, observations: Observations, h: Array) -> Array:
        """E[r | z] = C_h A' S^-1 z of what is left after the last layer, r ~ N(0, C_h), [B, N]."""
        o, variance = observations, self.variance
        variance = variance[h] if len(variance) > 1 else variance
        a = o.rows.dense(self.mean.shape[1], self.mean)
        if o.rows.disjoint:
            return ((o.z / widened_variances(o, o.rows.variances(variance))) @ a) * variance
        s = widen(add_noise(gram(a, variance), o.noise), o.weight)
        return (namespace(s).inverse(s) @ o.z[..., None])[..., 0] @ a * variance


def observation_logits(o: Observations, mean: Array, variance: Array) -> Array:
    """log N(z; A mu_k, A C_k A' + R) with weights, [U, K].

    Independent rows: sum of m_i log N(z_i; ...), the paper's Eq. 11 (and its Gaussian prior, N(m; mu, sigma^2 + s^2)).
    Coupled rows: a weight below 1 widens its row's variance to S_ii / m_i, so that 0 drops the row; the normaliser is
    that of the weighted margins and of the correlations left. For independent rows both are the same.
    """
    centre = o.rows.apply(mean)
    if not o.rows.disjoint:
        return _coupled_logits(o, centre, variance)
    base = o.rows.variances(variance)
    if len(o.noise) > 1:
        return _noisy_logits(o, centre, base)
    return _independent_logits(o.z, o.weight, centre, base + o.noise)


def _independent_logits(z: Array, weight: Array, centre: Array, variance: Array) -> Array:
    """sum_i m_i log N(z_i; c_ki, v_ki) as matrix products; z, m [1 or U, M], c [K, M], v [1 or K, M]."""
    xp = namespace(centre)
    anchor = xp.constant(centre.mean(0))  # keeps the expanded squares small against the variances
    z, centre, precision = z - anchor, centre - anchor, 1 / variance
    log_v = xp.log(variance) + LOG_2PI
    if len(variance) > 1:
        quadratic = (weight * z * z) @ precision.T - 2 * (weight * z) @ (centre * precision).T
        return -0.5 * (quadratic + weight @ (centre * centre * precision + log_v).T)
    weight = weight * precision
    own, theirs = (weight * (z * z + log_v * variance)).sum(-1)[:, None], weight @ (centre * centre).T
    return (weight * z) @ centre.T - 0.5 * theirs - 0.5 * own


def _noisy_logits(o: Observations, centre: Array, base: Array) -> Array:
    """The same where the noise differs per sample: every pair of sample and component by itself."""
    xp = namespace(centre)
    variance = base[None] + o.noise[:, None]
    difference = o.z[:, None] - centre[None]
    return (-0.5 * o.weight[:, None] * (difference * difference / variance + xp.log(variance) + LOG_2PI)).sum(-1)


def gram(a: Array, variance: Array) -> Array:
    """A C_k A', [k, M, M], of diagonal covariances [k, N]."""
    return (a * variance[:, None]) @ a.T


def add_noise(s: Array, noise: Array) -> Array:
    """S = A C A' + R (R diagonal, [..., M]), with a whisper of jitter; s [..., k, M, M]."""
    jitter = JITTER * _diagonal(s).mean(-2)[..., None, :]
    return s + (noise + jitter)[..., None] * _eye(s)


def widen(s: Array, weight: Array) -> Array:
    """S with row i's own variance S_ii / m_i where its weight m_i is below 1."""
    xp = namespace(s)
    low = xp.where(weight < 1, weight + TINY, 1 + 0 * weight)
    return s + s * _eye(s) * (1 / low - 1)[..., None]


def sharpen(s: Array, weight: Array) -> Array:
    """S with rows and columns divided by sqrt(m_i) where the weight m_i is above 1."""
    high = namespace(s).where(weight > 1, weight, 1 + 0 * weight) ** -0.5
    return s * high[..., None] * high[..., None, :]


def widened_variances(o: Observations, variance: Array) -> Array:
    """`widen` for independent rows of variances A C A' [..., M]."""
    s = variance + o.noise
    return s / namespace(s).where(o.weight < 1, o.weight + TINY, 1 + 0 * o.weight)


def _coupled_logits(o: Observations, centre: Array, variance: Array) -> Array:
    xp = namespace(centre)
    s = add_noise(gram(o.rows.dense(variance.shape[1], variance), variance)[None], o.noise[:, None])
    weighted = sharpen(widen(s, o.weight[:, None]), o.weight[:, None])
    whiten = xp.inverse(xp.cholesky(weighted))
    white = (whiten @ (o.z[:, None] - centre[None])[..., None])[..., 0]
    margins = (o.weight[:, None] * (xp.log(_diagonal(s)) + LOG_2PI)).sum(-1)
    correlation = -2 * xp.log(_diagonal(whiten)).sum(-1) - xp.log(_diagonal(weighted)).sum(-1)
    return -0.5 * ((white * white).sum(-1) + margins + correlation)


def inequality_logits(i: Inequalities, o: Observations | None, mean: Array, variance: Array) -> Array:
    """sum of c_i log Phi((a_i.m + b_i) / sqrt(a_i V a_i)) with m, V of x given the observations, [U, K]."""
    centre, spread = _moments(i, o, mean, variance)
    return _log_masses(centre, spread, i.b[:, None], i.weight[:, None])


def truncated_logits(
    total: Array, i: Inequalities, o: Observations | None, mean: Array, variance: Array, truncation: float
) -> Array:
    """total [U, K] + `inequality_logits` for the components that reach truncation times the likeliest; else maybe -inf.

    Masses are at most 1, so a component whose total alone falls short of the floor that the best total sets is out, and
    its masses are not worked out: few are left of many where the rest of the evidence says much. Where most are left,
    picking them out would cost more than it saves.
    """
    xp = namespace(mean)
    total = total + 0.0 * i.b[:, :1]
    centre, spread = _moments(i, o, mean, variance)

    def masses(case: Array, h: Array) -> Array:
        """Of components h [P] in cases [P]; arrays of one row or one component hold for all."""
        c, s = (x[case * (len(x) > 1), h * (x.shape[1] > 1)] for x in (centre, spread))
        b, weight = (x[case * (len(x) > 1)] for x in (i.b, i.weight))
        return _log_masses(c, s, b, weight)

    everyone, best = xp.integers(np.arange(len(total)), total), total.argmax(-1)
    floor = total[everyone, best] + masses(everyone, best) + math.log(truncation)
    case, h = xp.nonzero(total >= floor[:, None])
    if 2 * len(case) > len(total) * total.shape[1]:
        return total + _log_masses(centre, spread, i.b[:, None], i.weight[:, None])
    kept = 0.0 * total - math.inf
    kept[case, h] = total[case, h] + masses(case, h)
    return kept


def _log_masses(centre: Array, spread: Array, b: Array, weight: Array) -> Array:
    xp = namespace(centre)
    scale = 1 / xp.sqrt(spread)
    return xp.einsum("...h,...h->...", xp.log_ndtr(centre * scale + b * scale), weight)


def _moments(i: Inequalities, o: Observations | None, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Mean [1 or U, K, H] and variance [1 or U, 1 or K, H] of the inequalities' a.x given the observations."""
    if o is not None and i.shared is not None:
        return _given_observations(o, i, mean, variance)
    return i.rows.apply(mean)[None], i.rows.variances(variance)[None]


def _given_observations(o: Observations, i: Inequalities, mean: Array, variance: Array) -> tuple[Array, Array]:
    """Mean [U, K, H] and variance [1 or U, 1 or K, H] of a.x given z.

    Rows that are known keep a trace of variance, the same for all components: their truth is too, and cancels.
    """
    xp = namespace(mean)
    o = o.take(i.shared) if o.rows.disjoint else o
    a, b = (rows.dense(mean.shape[1], mean) for rows in (o.rows, i.rows))
    cross = ((b * variance[:, None]) @ a.T)[None]
    s = widen(add_noise(gram(a, variance)[None], o.noise[:, None]), o.weight[:, None])
    gain = cross @ xp.inverse(s)
    known, expected = o.z[:, None, :, None], o.rows.apply(mean)[None, :, :, None]
    # Not gain @ (known - expected): either product alone is small where gain is the same for all.
    centre = i.rows.apply(mean)[None] - (gain @ expected)[..., 0] + (gain @ known)[..., 0]
    free = i.rows.variances(variance)[None]
    spread, floor = free - (gain * cross).sum(-1), KNOWN * free.mean(-2)[..., None, :]
    return centre, xp.where(spread > floor, spread, floor)


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


def _diagonal(m: Array) -> Array:
    return m.diagonal(0, -2, -1)


def _eye(s: Array) -> Array:
    return namespace(s).asarray(np.eye(s.shape[-1]), s)
