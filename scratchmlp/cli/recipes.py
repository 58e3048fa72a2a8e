"""Recipes: settings of `train` by name, which the options given go over."""

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "article": {
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "clip_norm": 0,
        "initializer": "article_normal",
        "examples": 42_000,
    },
    "table": {
        "units": [100],
        "optimizer": "adam",
        "batch_size": 32,
        "epochs": 100,
        "clip_norm": 0,
        "initializer": "glorot_uniform",
        "weight_decay": 0.003,
    },
    # In benchmarks.optimizers the first to 98.5 %, by a deep network and by a wide one.
    "minibatches": {
        "batch_size": 128,
        "optimizer": "adam",
        "learning_rate": 0.003,
        "average": 0.995,
        "clip_norm": 0,
    },
    # MNIST's digits, which may be turned a little, and slanted: at most ten minutes on two cores.
    # Edges at first leave a third fewer images wrong than he_normal.
    "best": {
        "validation_fraction": 0,
        "layers": [784, 2352, 1024, 10],
        "first_initializer": "gabor(1.5)",
        "batch_size": 256,
        "epochs": 95,
        "validate_every": 2350,
        "optimizer": "nesterov",
        "learning_rate": 0.3,
        "schedule": "cosine",
        "warmup": 470,
        "label_smoothing": 0.1,
        "clip_norm": 0,
        "augment": [
            "affine(rotation=15,scale=0.15,shear=0.15,shift=2)",
            "elastic(sigma=6,alpha=30)",
        ],
    },
    # Small grey images of any kind: nothing is turned or mirrored, and how long to learn, and when
    # to learn more slowly, is left to the images that are held out.
    "images": {
        "validation_fraction": 0.1,
        "units": [1024, 1024],
        "batch_size": 128,
        "epochs": 200,
        "patience": 15,
        "optimizer": "adamw",  # which dark digits on a bright ground do not drive apart
        "learning_rate": 0.001,
        "schedule": "plateau",
        "warmup": 100,
        "average": 0.99,
        "label_smoothing": 0.1,
        "clip_norm": 0,
        "augment": ["affine(scale=0.1,shift=1)", "gaussian_noise(0.1)"],
    },
}
