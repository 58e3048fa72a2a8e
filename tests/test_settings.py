"""Settings are typed and checked, by whatever way they come."""

import typing
from pathlib import Path

import pytest

from scratchmlp.cli import settings as module
from scratchmlp.cli.checked import KINDS, checked, train_settings
from scratchmlp.cli.folders import Saved
from scratchmlp.cli.options import parse
from scratchmlp.cli.recipes import RECIPES
from scratchmlp.cli.settings import DEFAULTS, GROUPS, by_name

# A right value of each kind of setting, other than the default.
RIGHT = {
    "layers": ([12, 3], ["12", "3"]),
    "units": ([12, 3], ["12", "3"]),
    "hidden": (["tanh"], ["tanh"]),
    "loss": ("squared_error", "squared_error"),
    "initializer": ("zeros", "zeros"),
    "first_initializer": ("gabor(2)", "gabor(2)"),
    "dtype": ("float64", "float64"),
    "seed": (3, "3"),
    "networks": (5, "5"),
    "optimizer": ("adam", "adam"),
    "learning_rate": (1, "1"),
    "schedule": ("cosine", "cosine"),
    "warmup": (5, "5"),
    "clip_norm": (0, "0"),
    "max_norm": (2.5, "2.5"),
    "average": (0.9, "0.9"),
    "schedule_free": (0.9, "0.9"),
    "lookahead": (5, "5"),
    "weight_decay": (1e-4, "1e-4"),
    "label_smoothing": (0.1, "0.1"),
    "balanced": (True, None),
    "batch_size": (8, "8"),
    "augment": (["affine"], ["affine"]),
    "image_shape": ([3, 4], ["3", "4"]),
    "dropout": ([0.5, 0], ["0.5", "0"]),
    "input_dropout": (0.2, "0.2"),
    "adversarial": (0.5, "0.5"),
    "data": ("data.csv", "data.csv"),
    "validation": ("data.csv", "data.csv"),
    "test": ("data.csv", "data.csv"),
    "target": (["a", "b"], ["a", "b"]),
    "drop": (["a", "b"], ["a", "b"]),
    "task": ("numbers", "numbers"),
    "missing": ("mean", "mean"),
    "transpose": (True, None),
    "examples": (100, "100"),
    "validation_fraction": (0.3, "0.3"),
    "no_test": (True, None),
    "iterations": (7, "7"),
    "epochs": (7, "7"),
    "validate_every": (7, "7"),
    "patience": (7, "7"),
    "min_improvement": (0.1, "0.1"),
    "workers": (1, "1"),
    "cluster": ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1"),
}
NEEDS = {
    "augment": ["--batch-size", "8"],
    "image_shape": ["--augment", "affine", "--batch-size", "8"],
}
WRONG = [None, "", [], {}, -1, "x", 1e400, 10**30, float("nan"), [None], [[]], "\0", b"x", 1 + 0j]


def test_every_setting_has_a_kind_and_is_known_here():
    fields = [name for group in GROUPS for name in group._fields]
    assert len(fields) == len(set(fields))
    assert set(fields) == set(KINDS) == set(RIGHT)


def conforms(value, hint):
    """Whether a value is what a type says, as far as settings have types."""
    arguments = typing.get_args(hint)
    if hint is type(None) or not arguments:
        return value is None if hint is type(None) else type(value) in (hint, type(Path()))
    if typing.get_origin(hint) is not tuple:
        return any(conforms(value, each) for each in arguments)
    if not isinstance(value, tuple):
        return False
    kinds = [arguments[0]] * len(value) if arguments[-1] is ... else arguments
    return len(kinds) == len(value) and all(map(conforms, value, kinds))


@pytest.mark.parametrize("name", KINDS)
def test_a_checked_value_has_the_type_that_is_declared(name):
    (group,) = (group for group in GROUPS if name in group._fields)
    hint = typing.get_type_hints(group, vars(module))[name]
    assert conforms(checked(name, RIGHT[name][0]), hint)
    assert name not in DEFAULTS or conforms(DEFAULTS[name], hint)
    for wrong in WRONG:
        try:
            value = checked(name, wrong)
        except ValueError as error:
            value, message = checked(name, RIGHT[name][0]), str(error)
            named = message.startswith(name)
            assert named, message
        assert conforms(value, hint)


@pytest.mark.parametrize("name", KINDS)
def test_an_option_is_what_the_setting_is(name):
    value, text = RIGHT[name]
    option = f"--{name.replace('_', '-')}"
    given = [option, *([] if text is None else [text] if isinstance(text, str) else text)]
    asked = by_name(parse([*NEEDS.get(name, []), *given]))
    assert asked[name] == checked(name, value)
    assert asked[name] != DEFAULTS.get(name)
    if name in DEFAULTS and DEFAULTS[name] is None:
        assert by_name(parse([*NEEDS.get(name, []), *given, option, "none"]))[name] is None


def test_settings_come_back_by_their_names():
    settings = parse(["--seed", "3", "--dropout", "0.1", "--patience", "4"])
    assert train_settings(by_name(settings), Path("run")) == settings


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_misspelt_key_of_a_recipe_is_an_error(recipe, monkeypatch):
    monkeypatch.setitem(RECIPES, recipe, RECIPES[recipe] | {"clip_nrom": 1})
    with pytest.raises(ValueError, match="'clip_nrom' is no setting: did you mean 'clip_norm'"):
        parse(["--recipe", recipe])


@pytest.mark.parametrize(
    ("options", "optimizer", "average"),
    [
        ([], "nesterov", None),
        (["--batch-size", "64"], "adam", 0.995),
        (["--batch-size", "64", "--average", "0.9"], "adam", 0.9),
        (["--batch-size", "64", "--lookahead", "5"], "adam", None),
        (["--batch-size", "64", "--optimizer", "sgd"], "sgd", None),
        (["--batch-size", "64", "--learning-rate", "0.1"], "nesterov", None),
        (["--recipe", "best", "--batch-size", "64"], "nesterov", None),
    ],
)
def test_minibatches_have_an_optimizer_of_their_own(options, optimizer, average):
    updates = parse(options).updates
    assert (updates.optimizer, updates.average) == (optimizer, average)


def test_a_wrong_type_in_a_recipe_is_an_error(monkeypatch):
    monkeypatch.setitem(RECIPES, "article", {"clip_norm": "0"})
    with pytest.raises(ValueError, match="clip_norm must be a number of at least 0, not '0'"):
        parse(["--article"])


def test_a_run_of_an_older_version_gets_the_defaults_of_new_settings():
    assert by_name(train_settings({"workers": 1}, Path("run"), Saved({}, None, 0))) == {
        **DEFAULTS,
        "workers": 1,
    }
