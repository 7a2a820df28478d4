# SPDX-License-Identifier: Apache-2.0
"""Repeated steps are the steps that autograd would do, bit for bit, whatever the model, the data and the curriculum."""

import numpy as np
import pytest
import torch

from drmm_engine.fit import fit
from drmm_engine.learn.graphs import Step, adam
from drmm_engine.learn.parameters import from_model, trained
from drmm_engine.learn.tape import record
from drmm_engine.learn.train import draws
from tests.learn.problems import MIXED, PLAIN, parameters, settings, table


def run(schema, s, t, start, repeat):
    """Parameters, Adam's state and losses of a run whose steps are repeated, or worked out anew each time."""
    p = {name: x.detach().clone() for name, x in start.items()}
    for x in trained(p):
        x.requires_grad_()
    step, generator, losses = Step(p, adam(p, s), schema, s), torch.Generator().manual_seed(0), []
    for i in range(s.iterations):
        index, noise = draws(len(t), s, generator)
        losses.append(step(t.take(index), noise, i).clone())
        step.run.capture = repeat
    assert (step.run.replay is not None) == repeat
    return [*p.values(), *(x for state in step.optimizer.state.values() for x in state.values()), *losses]


@pytest.mark.parametrize("schema, missing", [(PLAIN, 0.0), (MIXED, 0.0), (MIXED, 0.3)])
@pytest.mark.parametrize("components, covariance", [
    ((4, 4, 4), "isotropic"), ((2, 4, 3), "diagonal"), ((3,), "diagonal")])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_of_every_stage_are_repeated_bit_for_bit(schema, missing, components, covariance, weighted):
    s = settings(*components, covariance=covariance)
    _, t = table(schema, missing=missing, weight=np.tile([0.5, 1.5], 20) if weighted else None, dtype=torch.float32)
    start = parameters(schema, s, dtype=torch.float32)
    eager, repeated = (run(schema, s, t, start, repeat) for repeat in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(eager, repeated, strict=True))


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("covariance", ["diagonal", "full"])
def test_end_to_end_steps_are_repeated_bit_for_bit(missing, covariance):
    data, t = table(MIXED, count=60, missing=missing, dtype=torch.float32)
    s = settings(3, 2, covariance=covariance, residual="whiten", start="greedy", curriculum="end-to-end")
    start = from_model(fit(MIXED, data.astype(np.float32), (3, 2), s.covariances, s.residuals), torch.device("cpu"))
    eager, repeated = (run(MIXED, s, t, start, repeat) for repeat in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(eager, repeated, strict=True))


def test_what_was_there_before_is_read_anew_and_written_in_place():
    x, total = torch.tensor([1.0, 2.0], requires_grad=True), torch.zeros(2)

    def once():
        first, second = (x * x).split(1)
        gradient, = torch.autograd.grad((first * second).sum(), x)
        total.add_(gradient)

    repeat = record(once)
    assert total.tolist() == [8, 4]
    with torch.no_grad():
        x.copy_(torch.tensor([3.0, 1.0]))
    repeat()
    assert total.tolist() == [8 + 6, 4 + 18] and x.requires_grad


def test_a_number_that_the_host_reads_is_refused():
    x = torch.ones(2)
    with pytest.raises(TypeError, match="float from an operation"):
        record(lambda: x.mul_(x.sum().item()))
