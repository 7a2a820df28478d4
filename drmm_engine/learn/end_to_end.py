# SPDX-License-Identifier: Apache-2.0
"""End-to-end training of layers that are fitted already: the likelihood of a row by its likeliest paths.

The paper's one-path estimate (Eq. 10) leaves the choice of the path without a gradient. The sum of Eq. 9 over a few
paths has all of its own, and is a lower bound of log p as tight as these paths hold the row's mass: after a greedy fit
three hold most of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..arrays import torch_namespace
from ..evidence import Evidence
from ..layer import Layer

PATHS = 3  # a row
SHALLOWER = 0.05  # weight of the losses of the first layers alone, from which components are drawn


def path_estimates(layers: Sequence[Layer], evidence: Evidence, paths: int = PATHS) -> Tensor:
    """log of p(x, h) summed over few paths h of the models of the first 1 .. L layers, [L, B].

    After each layer the likeliest `paths` ways through it and those before are followed.
    """
    count, everyone = evidence.rows, torch.arange(evidence.rows, device=layers[0].mean.device)
    latents = torch.zeros((count, 0), dtype=torch.long, device=everyone.device)
    estimates = []
    for level, layer in enumerate(layers):
        joint = layer.logits(evidence, latents).reshape(count, -1)  # a row's ways in turn, each with its components
        estimates.append(torch_namespace().logsumexp(joint))
        if level + 1 < len(layers):
            best = joint.detach().topk(min(paths, joint.shape[1]), dim=1).indices
            ways = len(latents) // count
            case = (everyone[:, None] * ways + best // layer.components).flatten()
            h = (best % layer.components).flatten()
            evidence = layer.residual_evidence(evidence, case, h)
            latents = torch.cat([latents[case], h[:, None]], 1)
    return torch.stack(estimates)
