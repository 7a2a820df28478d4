# SPDX-License-Identifier: Apache-2.0
"""Simulation-based calibration (Talts et al. 2018): whether posterior draws are spread as what they are drawn for."""

from __future__ import annotations

import numpy as np


def ranks(truth: np.ndarray, draws: np.ndarray, seed: int = 0) -> np.ndarray:
    """How many of a data set's posterior draws are below the value it was simulated from, [n], 0 to L; ties at random.

    truth [n] of n simulated data sets, draws [n, L]; uniform on 0..L where the posterior is right (their Theorem 1).
    """
    truth, draws = np.asarray(truth, dtype=float), np.asarray(draws, dtype=float)
    if draws.ndim != 2 or truth.shape != draws.shape[:1]:
        raise ValueError(f"ranks needs one true value a row of draws, got shapes {truth.shape} and {draws.shape}")
    below, same = ((draws < truth[:, None]).sum(1), (draws == truth[:, None]).sum(1))
    return below + np.random.default_rng(seed).integers(0, same + 1)


def chi_square(ranks: np.ndarray, outcomes: int) -> float:
    """Pearson's statistic of ranks 0..outcomes - 1 against uniform ones, of outcomes - 1 degrees of freedom."""
    if outcomes < 2 or np.min(ranks) < 0 or np.max(ranks) >= outcomes:
        raise ValueError(f"chi_square needs ranks from 0 to {outcomes - 1}, got {np.min(ranks)} to {np.max(ranks)}")
    expected = len(ranks) / outcomes
    return float(((np.bincount(ranks, minlength=outcomes) - expected) ** 2 / expected).sum())
