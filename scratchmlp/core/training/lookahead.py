"""Lookahead: slow params that follow an optimizer's every few updates."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from scratchmlp.core import checks
from scratchmlp.core.arrays import Numbers, Params
from scratchmlp.core.border import public
from scratchmlp.core.shown import written
from scratchmlp.core.stacks import networks, one_a_network
from scratchmlp.core.training.optimizers import Optimizer, Updated, check_memory_type
from scratchmlp.core.training.own_optimizers import check_optimizer, checked_optimizer
from scratchmlp.core.training.update_rules import applied, blend
from scratchmlp.core.trees import owned_tree


class LookaheadState(NamedTuple):
    """The inner optimizer's state, and the slow params, which are what to evaluate."""

    state: tuple[Any, ...]
    average: Params


@written
@public
def lookahead(optimizer: Optimizer, period: int = 5, share: Numbers = 0.5) -> Optimizer:
    """The optimizer, whose params go back to slow ones after each `period` updates.

    There the slow params move by `share` of the way to the optimizer's, slow = (1 - share) slow +
    share W, and W becomes slow. `averaged` puts the slow params in the place of the others. The
    iteration is to count from the first update. The optimizer's own state goes on as it is.

    Raises ValueError for a period below 1 or unless 0 < share < 1; TypeError for anything but an
    Optimizer.
    Source: Zhang et al. 2019, https://arxiv.org/abs/1907.08610.

    >>> import numpy as np
    >>> from scratchmlp import Layer, sgd
    >>> params = (Layer(np.array([[1.0]]), np.array([[2.0]])),)
    >>> optimizer = lookahead(sgd(0.25), period=2, share=0.5)
    >>> once, state = optimizer.update(params, params, optimizer.init(params), 0)
    >>> twice, state = optimizer.update(once, params, state, 1)
    >>> once[0].W.item(), twice[0].W.item(), state.average[0].W.item()
    (0.75, 0.75, 0.75)
    """
    steps = checks.count("period", period, least=1)
    part = checks.numbers(checks.fraction, "share", share)
    check_optimizer(optimizer)
    inner = checked_optimizer(optimizer)
    return optimizer._replace(
        init=partial(_start, inner), update=partial(_lookahead, inner, steps, part)
    )


def _start(optimizer: Optimizer, params: Params) -> LookaheadState:
    return LookaheadState(optimizer.init(params), owned_tree(params))


def _lookahead(optimizer: Optimizer, period: int, share: Numbers, *arguments: Any) -> Updated:
    params, grads, state, iteration = arguments
    check_memory_type(LookaheadState, state)
    one_a_network("share", share, networks(params))
    new, memory = optimizer.update(params, grads, state.state, iteration)
    if (iteration + 1) % period:
        return new, LookaheadState(memory, owned_tree(state.average))
    (slow,) = applied(blend, [share], state.average, new)
    return slow, LookaheadState(memory, slow)
