# SPDX-License-Identifier: Apache-2.0
"""The step: gradients by hand against autograd of the layers' own maths, and nothing that waits for the device."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from drmm_engine.arrays import torch_namespace
from drmm_engine.layer import choose
from drmm_engine.learn import curriculum, fused
from drmm_engine.learn.graphs import Repeated, Step, adam
from drmm_engine.learn.parameters import layers, normalised
from drmm_engine.learn.rows import Rows
from drmm_engine.learn.train import draws
from tests.learn.problems import MIXED, PLAIN, loss_of, parameters, settings, table

WAITING = ("_local_scalar_dense", "nonzero", "is_nonzero", "unique", "masked_select", "item", "equal",
           "repeat_interleave")


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).requires_grad_()


def gradients(outputs, inputs):
    weighted = [(x * torch.arange(1.0, 1 + x.numel(), dtype=x.dtype).reshape(x.shape)).sum() for x in outputs]
    return torch.autograd.grad(sum(weighted), inputs, retain_graph=True)


def agree(mine, theirs, inputs):
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-12)
    for a, b in zip(gradients(mine, inputs), gradients(theirs, inputs), strict=True):
        assert torch.allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("covariance", ["isotropic", "diagonal"])
def test_logits_of_whole_rows_are_the_layers(covariance):
    s = settings(5, 4, covariance=covariance)
    p = parameters(PLAIN, s)
    stack, (_, t) = layers(p, PLAIN, s), table(PLAIN)
    evidence = t.evidence()
    z = evidence.observations.z.requires_grad_()
    inputs = [z, *(x for name, x in p.items() if name.endswith(("mean", "log_variance")))]
    for stage in (1, 3):
        products = curriculum.real_products(stack, evidence, stage)
        mine = [curriculum.real_logits(*each) for each in zip(stack, (evidence, evidence), products, strict=True)]
        weights = [layer.log_weight if stage == 3 else 0.0 for layer in stack]
        theirs = [layer.real_logits(evidence) + w for layer, w in zip(stack, weights, strict=True)]
        agree(mine, theirs, inputs if stage < 3 else [*inputs, p["layers.0.weight"], p["layers.1.weight"]])


@pytest.mark.parametrize("sizes", [(3,), (3, 3, 3), (2, 4, 3)])
def test_the_look_up_is_that_of_normalised_tables(sizes):
    rows, k = sum(sizes), 5
    one = random(rows, k)
    index = torch.stack([torch.randint(0, n, (20,)) for n in sizes], 1)
    path = fused.Path.empty(20, one.device)
    for h, size in zip(index.unbind(1), sizes, strict=True):
        path = path.then(h, size)
    index = index + torch.tensor([0, *sizes[:-1]]).cumsum(0)
    assert torch.equal(path.index, index)
    agree([fused.look_up(one, path)], [torch_namespace().bag(normalised(one, sizes), index)], [one])


@pytest.mark.parametrize("truncation", [0.0, 0.05, 0.5])
def test_draws_are_those_of_the_layers(truncation):
    logits, u = random(200, 7), torch.rand(200, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    total, h, log_q = fused.draw(logits, u, truncation)
    theirs, their_log_q, _ = choose(logits, None, u, truncation)
    assert torch.equal(h, theirs) and len(set(h.tolist())) == 7
    agree([total, log_q], [torch.logsumexp(logits, 1), their_log_q], [logits])
    agree([fused.total(logits)], [torch.logsumexp(logits, 1)], [logits])


def test_the_highest_of_a_column_and_equal_ones_share_its_gradient():
    x = torch.tensor([[1.0, 5.0], [3.0, 5.0], [2.0, 0.0]], requires_grad=True)
    top = fused.highest(x)
    assert top.tolist() == [3, 5]
    assert torch.autograd.grad((2 * top).sum(), x)[0].tolist() == [[0, 1], [2, 1], [0, 0]]


def test_components_far_from_every_row_give_finite_gradients():
    logits = torch.tensor([[0.0, -2000.0, -90.0]], requires_grad=True)
    total, _, log_q = fused.draw(logits, torch.tensor([0.999]), 0.5)
    gradient, = torch.autograd.grad(total.sum() + log_q.sum(), logits)
    assert torch.allclose(gradient, torch.tensor([[1.0, 0.0, 0.0]]), atol=1e-6)


class NoWaiting(TorchDispatchMode):
    """Fails on every operation whose result or size the host would have to wait for."""

    def __torch_dispatch__(self, operation, types, arguments=(), keywords=None):
        name, keywords = operation.name(), keywords or {}
        assert not any(word == name.split("::")[1].split(".")[0] for word in WAITING), name
        if "index" in name.split(".")[0] and len(arguments) > 1 and isinstance(arguments[1], (list, tuple)):
            assert not any(x is not None and x.dtype == torch.bool for x in arguments[1]), name
        return operation(*arguments, **keywords)


def running(schema, missing=0.0, **values):
    s = settings(4, 3, **values)
    p = parameters(schema, s, dtype=torch.float32)
    _, t = table(schema, missing=missing, dtype=torch.float32)
    step, generator = Step(p, adam(p, s), schema, s), torch.Generator().manual_seed(0)

    def iterate(i):
        index, noise = draws(len(t), s, generator)
        return step(t.take(index), noise, i)

    return iterate, p


@pytest.mark.parametrize("schema, missing", [(PLAIN, 0.0), (MIXED, 0.3)])
def test_no_operation_of_an_iteration_waits_for_the_device(schema, missing):
    iterate, p = running(schema, missing)
    before = {name: x.clone() for name, x in p.items()}
    for i in (0, 11, 12, 21, 22):
        iterate(i)
        with NoWaiting():
            iterate(i)
    assert all((x != before[name]).any() for name, x in p.items())
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NoWaiting():
        torch.ones(1).item()


@pytest.mark.parametrize("i", [3, 15, 25])
@pytest.mark.parametrize("schema, missing", [(PLAIN, 0.0), (MIXED, 0.3)])
def test_loss_and_gradients_can_be_worked_out_where_no_number_can_be_read(schema, missing, i):
    """On torch's meta device, whose tensors have no values: a look at one, or a copy of one to the host, is an error.
    """
    s = settings(4, 3)
    p = {name: x.detach().to("meta").requires_grad_() for name, x in parameters(schema, s).items()}
    _, t = table(schema, missing=missing)
    t = Rows(*(None if x is None else x.to("meta") for x in vars(t).values()))
    loss = loss_of(p, schema, t, s, torch.empty(16, dtype=torch.long, device="meta"),
                   torch.empty((2, 16), dtype=torch.float64, device="meta"), i)
    gradients = torch.autograd.grad(loss, list(p.values()), allow_unused=True)
    assert any(g is not None for g in gradients)
    with pytest.raises(RuntimeError):
        loss.item()


def test_the_batch_its_noise_and_the_rates_stay_where_they_are_within_a_stage():
    """What a captured graph would read and write has one address from one iteration to the next."""
    iterate, p = running(PLAIN)
    step = iterate.__closure__[[c.cell_contents.__class__ for c in iterate.__closure__].index(Step)].cell_contents

    def addresses():
        return [x.data_ptr() for x in (step.rate, step.share, step.loss, step.noise, step.batch.real, *p.values())]

    iterate(0)
    first = addresses()
    for i in (1, 2, 3):
        iterate(i)
        assert addresses() == first
        assert step.rate.item() == pytest.approx(curriculum.learning_rate(i, 30, 0.002))
    iterate(25)
    assert step.share.item() == pytest.approx(curriculum.interpolation(25, 30))
    assert step.rate.item() == pytest.approx(curriculum.learning_rate(25, 30, 0.002))


def test_a_repeated_function_runs_each_time_it_is_called():
    for capture in (False, True):
        total = torch.zeros(2)
        repeated = Repeated(lambda total=total: total.add_(torch.ones(2)), torch.device("cpu"), capture)
        for _ in range(6):
            repeated()
        assert total.tolist() == [6, 6] and (repeated.replay is not None) == capture
