"""Law 5: inputs are the same to the byte after every public call, outputs are read-only."""

import itertools
import pickle
from collections.abc import Iterator

import numpy as np
import pytest

import scratchmlp
from scratchmlp import (
    Batch,
    Evaluation,
    Layer,
    Network,
    Record,
    affine,
    compose,
    dropout_masks,
    elastic,
    forward,
    frozen,
    gaussian_noise,
    image_seeds,
    init_params,
    init_state,
    moving_average,
    sgd,
    stack,
    tanh,
    zero_biases,
)
from scratchmlp._names import INITIALIZERS
from scratchmlp.core.arrays import frozen_view, leaves
from tests.helpers import OPTIMIZERS, SCHEDULES, problem, same_bytes

params, X, Y, weights = problem()
y = Y.argmax(axis=0)
network = Network(hidden=tanh)
cache = forward(params, X, network)
masks = dropout_masks((3, 4, 3), 6, input_rate=0.5)
optimizer = sgd(0.1)
state = init_state(params, optimizer)
history_of = (Record(1, Evaluation(1.0, 0.5), Evaluation(1.0, 0.5), state),)
pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)


def no_states(state, rate):
    return iter(())


def one_loss(state):
    return 1.0


# One call of each public function; a test below sees to it that none is left out.
CALLS = {
    "accuracy": (y, y),
    "adagrad": (0.1,),
    "adam": (0.1,),
    "adamw": (0.1,),
    "adversarial": (0.1,),
    "affine": ({"rotation": 10},),
    "averaged": (init_state(params, moving_average(optimizer)),),
    "backward": (params, cache, Y, network, {"masks": masks}),
    "balanced_weights": (y,),
    "best_record": (history_of,),
    "clip_by_global_norm": (optimizer, 1.0),
    "clipped_grad_sum": (params, X, Y, network, {"max_norm": 0.1}),
    "committee": ((params, params), X, network),
    "compose": (gaussian_noise(0.1), gaussian_noise(0.1)),
    "confusion_matrix": (y, y, 3),
    "constant": (0.1,),
    "contrasts": (X,),
    "cosine_decay": (0.1, {"iterations": 5}),
    "deltas": (params, cache, Y, network),
    "ensemble_outputs": ((params, params), X, network),
    "dropout": ((Batch(X, y),), (3, 4, 3), {"input_rate": 0.1}),
    "dropout_masks": ((3, 4, 3), 6),
    "early_stopping": (history_of, {"patience": 1}),
    "elastic": ({"sigma": 2.0},),
    "evaluate": (params, Batch(X, Y, weights), network),
    "example_grad_norms": (params, X, Y, network),
    "example_grad_tiles": (params, X, Y, network, {"size": 4}),
    "example_grads": (params, X, Y, network),
    "exponential_decay": (0.1, {"every": 5}),
    "fisher_diagonal": (params, X, Y, network),
    "flatten": (params,),
    "forward": (params, X, network, {"masks": masks}),
    "gabor": (1.0,),
    "gaussian_noise": (0.1,),
    "gnvp": (params, params, X, Y, network, {"weights": weights}),
    "gradient_descent": (params, X, y, {"iterations": 2, "learning_rate": 0.1}),
    "hessian_trace": (params, X, Y, network, {"samples": 2}),
    "history": (history_of,),
    "huber": (0.5,),
    "hvp": (params, params, X, Y, network, {"weights": weights}),
    "image_seeds": (0, 1, y),
    "init_params": ((3, 4, 2),),
    "init_state": (params, optimizer),
    "input_grad": (params, X, Y, network),
    "inverse_scaling": (0.1, {"every": 5}),
    "jvp": (params, params, X, network),
    "jvp_grad": (params, Y, X, network, {"X_tangent": X}),
    "layerwise": (optimizer, frozen()),
    "leaky_relu": (0.5,),
    "live_shards": (X, y, {"size": 4}),
    "map_arrays": (np.negative, params),
    "mapped": (optimizer, {"grads": zero_biases}),
    "max_norm": (optimizer, 1.0),
    "minibatches": (X, y, {"size": 4, "augment": gaussian_noise(0.1)}),
    "momentum": (0.1,),
    "moving_average": (optimizer,),
    "muon": (0.1,),
    "nadam": (0.1,),
    "lion": (0.1,),
    "lookahead": (optimizer,),
    "schedule_free": (optimizer,),
    "nesterov": (0.1, 0.9),
    "newton_cg_step": (params, X, Y, network, {"weights": weights}),
    "normalize": (pixels,),
    "ntk": (params, X, X, network),
    "one_cycle": (0.1, {"iterations": 5}),
    "one_hot": (y, 3),
    "predict": (params, X, network),
    "records": ([state], {"every": 1, "validation": Batch(X, Y)}),
    "rmsprop": (0.1,),
    "sgd": (0.1,),
    "shards": (X, y, {"size": 4}),
    "shuffle": (X, y, {"seed": 1}),
    "smooth_labels": (Y, 0.1),
    "split": (X, y, 0.5),
    "stratified_split": (X, y, 0.5, {"seed": 1}),
    "codes": (y, np.arange(3)),
    "indicators": (y, 3),
    "plateau_rate": (0.1, [1.0, 1.0], {"patience": 1}),
    "plateau": (no_states, state, 0.1, one_loss, {"every": 1}),
    "stack": ((params, params),),
    "standardize": (X,),
    "step": (params, params, 0.1),
    "step_decay": (0.1, {"every": 5}),
    "thinned": (history_of, {"every": 1}),
    "train": (init_state(params, optimizer), [Batch(X, y)], {"optimizer": optimizer}),
    "train_step": (init_state(params, optimizer), Batch(X, y), {"optimizer": optimizer}),
    "unflatten": (np.arange(31.0), params),
    "unstack": (stack([params, params]),),
    "value_and_grad": (params, Batch(X, Y, weights), network),
    "vjp": (params, Y, X, network),
    "warmup": (0.1, {"iterations": 5}),
    "weight_decay": (optimizer, 0.1),
    "zero_biases": (params,),
}


AUGMENTATIONS = {
    "affine": affine(rotation=10, shape=(1, 3)),
    "elastic": elastic(sigma=1, shape=(1, 3)),
    "gaussian noise": gaussian_noise(0.1),
    "composed": compose(affine(shape=(3, 1)), elastic(shape=(3, 1)), gaussian_noise(0.1)),
}


def arrays_of(value):
    return [leaf for leaf in leaves(value) if isinstance(leaf, np.ndarray)]


def writable_copy(value):
    if isinstance(value, tuple):
        copies = [writable_copy(each) for each in value]
        return type(value)(*copies) if hasattr(value, "_fields") else tuple(copies)
    return value.copy() if isinstance(value, np.ndarray) else value


def call(name, arguments):
    *positional, last = arguments
    options = last if isinstance(last, dict) else {}
    result = getattr(scratchmlp, name)(*positional, *(() if options else (last,)), **options)
    return tuple(itertools.islice(result, 3)) if isinstance(result, Iterator) else result


def test_every_public_function_is_called_here():
    functions = {
        name
        for name in scratchmlp.__all__
        if callable(getattr(scratchmlp, name)) and not isinstance(getattr(scratchmlp, name), type)
    }
    assert {name for name in functions if name.islower()} == {*CALLS, *INITIALIZERS, "frozen"}


@pytest.mark.parametrize("name", CALLS)
def test_inputs_are_untouched_and_outputs_are_read_only(name):
    arguments = writable_copy(CALLS[name])
    before = [array.tobytes() for array in arrays_of(arguments)]
    state = np.random.get_state()[1].tobytes()
    result = call(name, arguments)
    assert [array.tobytes() for array in arrays_of(arguments)] == before
    assert all(array.flags.writeable for array in arrays_of(arguments))
    given = {id(array) for array in arrays_of(arguments)}
    assert not any(array.flags.writeable for array in arrays_of(result) if id(array) not in given)
    assert np.random.get_state()[1].tobytes() == state


@pytest.mark.parametrize("name", CALLS)
def test_read_only_inputs_are_taken(name):
    arguments = writable_copy(CALLS[name])
    for array in arrays_of(arguments):
        array.flags.writeable = False
    call(name, arguments)


@pytest.mark.parametrize("name", CALLS)
def test_the_same_arguments_give_the_same_result(name):
    one, other = (call(name, writable_copy(CALLS[name])) for _ in range(2))
    assert [a.tobytes() for a in arrays_of(one)] == [a.tobytes() for a in arrays_of(other)]


def test_a_layer_cannot_be_changed():
    (layer,) = init_params([2, 3])
    with pytest.raises(AttributeError):
        layer.W = layer.W
    with pytest.raises(ValueError, match="read-only"):
        layer.W[0, 0] = 1


def test_a_cache_keeps_no_hold_on_a_writable_input():
    inputs = X.copy()
    A = forward(params, inputs, network).A[0]
    assert not A.flags.writeable
    assert inputs.flags.writeable


def test_layers_and_networks_pickle():
    made = Network(scratchmlp.leaky_relu(0.2), scratchmlp.huber(2.0))
    for value in (params, network, made, scratchmlp.classifier, optimizer, state):
        again = pickle.loads(pickle.dumps(value))
        assert type(again) is type(value)
    assert pickle.loads(pickle.dumps(scratchmlp.classifier)) == scratchmlp.classifier
    assert isinstance(params[0], Layer)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_writes_over_nothing(name, schedule):
    optimizer = OPTIMIZERS[name](SCHEDULES[schedule])
    grads, memory = writable_copy(params), writable_copy(optimizer.init(params))
    before = [array.tobytes() for array in leaves((params, grads, memory))]
    result = optimizer.update(params, grads, memory, 0)
    assert [array.tobytes() for array in leaves((params, grads, memory))] == before
    assert not any(array.flags.writeable for array in leaves(result))


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if " " not in name])
def test_optimizers_and_schedules_pickle(name):
    for schedule in SCHEDULES.values():
        optimizer = OPTIMIZERS[name](schedule)
        again = pickle.loads(pickle.dumps(optimizer))
        one, other = (o.update(params, params, o.init(params), 1) for o in (optimizer, again))
        assert same_bytes(one, other)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_writes_over_nothing(name):
    examples, seeds = X.copy(), image_seeds(0, 1, y).copy()
    before = examples.tobytes(), seeds.tobytes()
    assert not AUGMENTATIONS[name](examples, seeds).flags.writeable
    assert (examples.tobytes(), seeds.tobytes()) == before
    AUGMENTATIONS[name](frozen_view(examples), frozen_view(seeds))
