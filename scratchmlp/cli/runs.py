"""A training run: it can be stopped at any moment, and resumed to the same bits."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from toolz import take

from scratchmlp import (
    DivergenceError,
    Network,
    Record,
    State,
    averaged,
    early_stopping,
    records,
)
from scratchmlp.checkpoints import save
from scratchmlp.cli import folders
from scratchmlp.cli.commits import Run, Unsaved, commit, validation_losses
from scratchmlp.cli.folders import MODEL
from scratchmlp.cli.histories import Row, of_all
from scratchmlp.cli.progress import Show, progress
from scratchmlp.cli.signals import Stopped, deferred
from scratchmlp.core.data.batches import Map, Shards
from scratchmlp.descriptions import Description


class Plan(NamedTuple):
    """How a run goes: how long, and how often it is validated, by a map, and can be resumed."""

    network: Network
    iterations: int
    every: int
    validation: Shards | None
    patience: int | None
    min_improvement: float
    description: Description | None = None
    map: Map = map


class Ended(NamedTuple):
    """What comes of a run, the last state or with patience the best, and its number of updates."""

    state: State
    iterations: int


def run_to_the_end(run: Run, states: Iterable[State], plan: Plan) -> Ended:
    """What comes of the states that follow the run's own; each record of them is committed.

    After a signal the iteration is finished and committed, and Stopped raised. After a divergence
    the last good state is committed, and DivergenceError raised again.
    """
    unsaved = Unsaved([*run.rows], [run], [run.state, run.state])
    with progress(run.state.iteration, plan.iterations) as show, deferred() as check:
        try:
            watched = _watched(run, states, unsaved, plan, show)
            stoppable = _until_a_signal(watched, plan.iterations, check)
            best = _best(run, stoppable, unsaved, plan, show)
        except Stopped as stop:
            if not stop.at_once:
                _stop(run, unsaved, unsaved.latest[1], plan)
            raise
        except DivergenceError as divergence:
            _keep_the_good(run, unsaved, divergence.state, plan)
            raise
        if unsaved.first:  # nothing was left to do
            commit(run.folder, unsaved, unsaved.latest[1], best, plan.network, plan.description)
        found = averaged(unsaved.latest[1]) if best is None else best
        if best is None:
            about = plan.description
            save(run.folder / MODEL, found, network=plan.network, description=about)
        check()
    return Ended(found, unsaved.latest[1].iteration)


def _watched(
    run: Run, states: Iterable[State], unsaved: Unsaved, plan: Plan, show: Show
) -> Iterator[State]:
    """The states up to the last that is wanted, whose figures are noted and shown.

    That the very last is any good, only the loss after it tells.
    """
    stream, left = iter(states), plan.iterations - run.state.iteration
    if left <= 0:
        next(stream, None)  # what is saved of the settings has been tried
    for state in take(max(0, left), stream):
        if state.iteration == plan.iterations:
            next(stream, None)
        if unsaved.latest[1] is run.state and not run.keeps:
            # One step could be done: from here on the run can be resumed.
            folders.write_settings(run.folder, run.saved)
        unsaved.rows.append(Row(state.iteration, of_all(state.loss), of_all(state.accuracy)))
        unsaved.latest[:] = unsaved.latest[1], state
        show(state, None)
        yield state


def _until_a_signal(
    states: Iterable[State], iterations: int, check: Callable[[], None]
) -> Iterator[State]:
    """The states; after a signal, Stopped is raised when one is done with and another wanted."""
    for state in states:
        yield state
        if state.iteration < iterations:
            check()


def _best(
    run: Run, states: Iterable[State], unsaved: Unsaved, plan: Plan, show: Show
) -> State | None:
    """The state with the lowest validation loss, or None where that is not kept.

    The records of the states are committed.
    """
    earlier = validation_losses(run.rows, run.saved.patience_from)
    best = run.best
    lowest = min((loss for loss in earlier if not math.isnan(loss)), default=math.inf)
    good = True
    for record in _records(states, earlier, plan):
        loss = math.inf if record.validation is None else of_all(record.validation.loss)
        unsaved.rows[-1] = Row(*unsaved.rows[-1][:3], *map(of_all, record.validation or ()))
        # Where it is not, the next loss will tell that the run has diverged.
        good = _is_finite(unsaved.latest[1]) and (record.validation is None or math.isfinite(loss))
        better = good and plan.patience is not None and loss < lowest
        best, lowest = (record.state, loss) if better else (best, lowest)
        if good:
            commit(
                run.folder,
                unsaved,
                unsaved.latest[1],
                best if better else None,
                plan.network,
                plan.description,
            )
        show(record.state, record)
    if not good:
        raise DivergenceError(unsaved.latest[1].iteration, unsaved.latest[0])
    return best


def _records(states: Iterable[State], earlier: Iterable[float], plan: Plan) -> Iterator[Record]:
    seen = (averaged(state) for state in states)
    stream = records(seen, plan.validation, every=plan.every, network=plan.network, map=plan.map)
    if plan.patience is None:
        return stream
    improvement = plan.min_improvement
    return early_stopping(
        stream, patience=plan.patience, min_improvement=improvement, earlier=earlier
    )


def _stop(run: Run, unsaved: Unsaved, state: State, plan: Plan) -> None:
    """Commit what was done when a signal came, but for a run whose folder still holds another."""
    if run.keeps and unsaved.first and not run.rows:
        print(f"stopped before the first checkpoint: {run.folder} is as it was")
        return
    if unsaved.rows and _is_finite(state):
        commit(run.folder, unsaved, state, None, plan.network, plan.description)
    print(f"stopped at iteration {state.iteration}: go on with --resume {run.folder}")


def _keep_the_good(run: Run, unsaved: Unsaved, state: State, plan: Plan) -> None:
    """Commit the last good state, but where the folder still holds what was there before."""
    if run.keeps and unsaved.first:
        print(f"{run.folder} is as it was: try a smaller --learning-rate or --clip-norm")
        return
    model = averaged(state) if plan.patience is None else None
    commit(run.folder, unsaved, state, model, plan.network, plan.description)
    print(
        f"the state before is kept: go on with --resume {run.folder} and a smaller "
        "--learning-rate or --clip-norm"
    )


def _is_finite(state: State) -> bool:
    """Whether the parameters are numbers, of a stack those of some network."""
    each = [np.isfinite(array).all(axis=(-2, -1)) for layer in state.params for array in layer]
    return bool(np.logical_and.reduce(each).any())
