"""The command that trains: all that can fail is done before the folder of a run is touched."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np

from scratchmlp import (
    DivergenceError,
    Optimizer,
    Params,
    State,
    averaged,
    committee,
    evaluate,
    init_state,
    plateau,
    shards,
    train,
)
from scratchmlp._clusters import connected
from scratchmlp._extras import require
from scratchmlp._names import network_names
from scratchmlp.cli import builders, data, figures, folders, scores
from scratchmlp.cli.commits import Run, check_state, new_run, resumed_run, resumed_state
from scratchmlp.cli.folders import CHECKPOINT, SETTINGS, Saved
from scratchmlp.cli.runs import Plan, run_to_the_end
from scratchmlp.cli.settings import TrainSettings, by_name
from scratchmlp.core.data.batches import Map, Shards
from scratchmlp.descriptions import Description
from scratchmlp.workers import blas_threads, threads


class Job(NamedTuple):
    """What is to be trained with what: all that settings and examples decide."""

    splits: data.Splits
    description: Description
    units: tuple[int, ...]
    plan: Plan
    optimizer: Optimizer


def train_command(settings: TrainSettings) -> None:
    """Train a network, from the start or from where a run stands; write what comes of it."""
    require("matplotlib", "cli")  # before the work rather than after it
    with ExitStack() as stack:
        with _blaming(settings):
            job = _job(settings)
            shared, ahead = stack.enter_context(_sharing(settings))
        stack.enter_context(folders.opened(settings.folder))
        run = _run(settings, job)
        states = _started(settings, _states(settings, job, run, (shared, ahead)))
        found, iterations = run_to_the_end(run, states, job.plan._replace(map=shared))
        print(f"{found.iteration} iterations, written to {settings.folder}")
        loss_name = network_names(job.plan.network)["loss"]
        figures.draw_history(settings.folder, iterations, found.params, loss_name)
        _print_scores(job, found.params, shared)


def _print_scores(job: Job, params: Params, map: Map) -> None:
    target = scores.target_of(job.description, job.plan.network, job.units[-1])
    for name, part in job.splits._asdict().items():
        if part:
            loss, right = evaluate(params, shards(*part), job.plan.network, map=map)
            if isinstance(loss, np.ndarray):
                print(*scores.spreads(name, loss, right), sep="\n")
                continue
            A = committee([params], part.X, job.plan.network)  # of one, whose outputs the mean is
            print(f"{name:10}  loss {loss:.4f}  {scores.headline(A, part.y, target)}")


def _job(settings: TrainSettings) -> Job:
    splits, description, said = data.lesson(settings.data, settings.network.seed)
    print(*said, sep="\n", flush=True)
    units = builders.sizes(settings.network, description)
    data.check_fits(splits, units)
    pace = builders.pace(settings, splits.training.X.shape[1])
    plan = Plan(
        builders.network(settings.network, description),
        *pace,
        splits.validation and shards(*splits.validation),
        settings.length.patience,
        settings.length.min_improvement,
        description,
    )
    return Job(splits, description, units, plan, builders.optimizer(settings, pace.iterations))


def _run(settings: TrainSettings, job: Job) -> Run:
    """The run in its folder, which is ours alone: a new one, or one that is resumed."""
    folder, before, network = settings.folder, settings.before, job.plan.network
    saved = Saved(by_name(settings), data.fingerprint(job.splits), 0)
    if before is None:
        return new_run(folder, saved, _start(settings, job))
    if folders.saved_settings(folder) != before:
        raise ValueError(f"{folder / SETTINGS}: has changed in this moment: try again")
    _check_same_examples(settings, before, saved)
    state = resumed_state(folder, network)
    if state is None:
        return resumed_run(folder, before, saved, _start(settings, job), network)
    expected = builders.params(settings, job.units, job.splits.training.X)
    check_state(folder / CHECKPOINT, state, expected, job.optimizer)
    return resumed_run(folder, before, saved, state, network)


def _start(settings: TrainSettings, job: Job) -> State:
    with _blaming(settings):
        params = builders.params(settings, job.units, job.splits.training.X)
        return init_state(params, job.optimizer)


def _check_same_examples(settings: TrainSettings, before: Saved, saved: Saved) -> None:
    """A run goes on with the examples that it had, or its validation would be of other ones."""
    dividing = ("seed", "examples", "validation_fraction")
    now = saved.settings
    changes = [
        f"--{name.replace('_', '-')} was {before.settings[name]} and is {now[name]}"
        for name in dividing
        if name in before.settings and before.settings[name] != now[name]
    ]
    if before.data is not None:
        for part, found in (saved.data or {}).items():
            if found != (was := before.data.get(part, "none")):
                changes.append(f"for {part} there were {was} and are {found}")
    if changes:
        raise ValueError(
            f"{settings.folder / SETTINGS}: a run goes on with the data that it had: "
            f"{'; '.join(changes)}"
        )


def _states(settings: TrainSettings, job: Job, run: Run, maps: tuple[Map, Map]) -> Iterator[State]:
    """The endless stream of the states to come; a batch is made when it is wanted."""
    follow = partial(_at_rate, settings, job, maps)
    rate, every = builders.learning_rate(settings.updates), job.plan.every
    if settings.updates.schedule != "plateau" or job.plan.validation is None:
        yield from follow(run.state, rate)
        return
    rows = (row for row in run.rows if row.iteration % every == 0)
    earlier = [row.validation_loss for row in rows if row.validation_loss is not None]
    loss = partial(_validation_loss, job.plan, job.plan.validation, maps[0])
    yield from plateau(follow, run.state, rate, loss, every=every, earlier=earlier)


def _at_rate(
    settings: TrainSettings, job: Job, maps: tuple[Map, Map], state: State, rate: float
) -> Iterator[State]:
    """The states that follow one, where the learning rate is this at first."""
    shared, ahead = maps
    network, iterations = job.plan.network, job.plan.iterations
    batches = builders.batches(settings, job.splits.training, job.units, state.iteration, ahead)
    yield from train(
        state,
        batches,
        network=network,
        optimizer=builders.optimizer(settings, iterations, rate),
        map=shared,
        value_and_grad=builders.objective(settings.noise.adversarial),
    )


def _validation_loss(plan: Plan, validation: Shards, map: Map, state: State) -> float:
    params = averaged(state).params
    return float(evaluate(params, validation, plan.network, map=map).loss)


def _started(settings: TrainSettings, states: Iterator[State]) -> Iterable[State]:
    """The states; what prevents the first is a fault of the settings."""
    with _blaming(settings):
        first = next(states, None)
    if first is not None:
        yield first
        yield from states


@contextmanager
def _blaming(settings: TrainSettings) -> Iterator[None]:
    """Errors name the file from which the settings of a resumed run come."""
    try:
        yield
    except DivergenceError:
        raise
    except (ArithmeticError, MemoryError, OSError, TypeError, ValueError) as error:
        if settings.before is None:
            raise
        path = settings.folder / SETTINGS
        raise ValueError(f"{path}, with the options given: {error}") from error


@contextmanager
def _sharing(settings: TrainSettings) -> Iterator[tuple[Map, Map]]:
    """A map for the shards of all the data, and one to make minibatches with.

    Shards go to a cluster or a pool of threads. A minibatch is too small for that, and is left to
    BLAS's threads; meanwhile others distort or mask the next ones.
    """
    workers, address = settings.places
    noise = settings.noise
    if address is not None:
        with connected(address) as shared:
            yield shared, map
    elif settings.updates.batch_size is None:
        with threads(workers) as shared:
            yield shared, map
    elif noise.augment or noise.dropout or noise.input_dropout:
        with threads(max(1, workers // 2), blas=workers) as ahead:
            yield map, ahead
    else:
        with blas_threads(workers):
            yield map, map
