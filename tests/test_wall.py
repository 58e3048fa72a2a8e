"""The wall between the pure core and effects, and what `import scratchmlp` loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scratchmlp

CORE = Path(scratchmlp.__file__).with_name("core")
PURE = {
    "__future__",
    "collections",
    "contextlib",
    "enum",
    "functools",
    "inspect",
    "itertools",
    "math",
    "numbers",
    "types",
    "typing",
}
ALLOWED = PURE | {"numpy", "toolz"}
ROOMS = ["model", "data", "training", "derivatives"]  # each may import those before it
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "globals", "__import__"}


def imports(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def breaches(source):
    """What a module of the core may not do: import an effect, call one, or keep global state."""
    for name in imports(source):
        if not name.startswith("scratchmlp.core.") and name.partition(".")[0] not in ALLOWED:
            yield f"imports {name}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield f"has {', '.join(node.names)} for global state"
        if isinstance(node, ast.Name) and node.id in IMPURE_CALLS:
            yield f"uses {node.id}"
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            drawn = name.startswith("np.random.") and node.attr not in {"default_rng", "Generator"}
            if drawn or node.attr in {"load", "save", "savez", "fromfile", "tofile"}:
                yield f"uses {name}"


def upward(room, source):
    """What a module in a room of the core imports from a room above its own."""
    for name in imports(source):
        if name.startswith("scratchmlp.core."):
            other = name.split(".")[2]
            above = ROOMS[ROOMS.index(room) + 1 :] if room in ROOMS else ROOMS
            if other in above:
                yield f"{room or 'a module below the rooms'} imports {name}"


MODULES = sorted(CORE.rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_the_core_is_pure(module):
    assert list(breaches(module.read_text())) == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(CORE)))
def test_rooms_import_downward(module):
    folder = module.parent.name
    assert list(upward(folder if folder in ROOMS else None, module.read_text())) == []


def test_the_rooms_are_those_that_there_are():
    folders = {path.name for path in CORE.iterdir() if (path / "__init__.py").exists()}
    assert folders == set(ROOMS)


@pytest.mark.parametrize(
    ("room", "planted"),
    [
        ("model", "from scratchmlp.core.data.batches import Batch"),
        ("model", "from scratchmlp.core.training import objective"),
        ("data", "import scratchmlp.core.training.objective"),
        ("data", "from scratchmlp.core.derivatives.curvature import hvp"),
        ("training", "def f():\n    from scratchmlp.core.derivatives.curvature import hvp"),
        (None, "from scratchmlp.core.model.network import forward"),
    ],
)
def test_an_import_upward_is_seen(room, planted):
    assert list(upward(room, planted))


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "from pathlib import Path",
        "import scratchmlp.datasets",
        "from scratchmlp import datasets",
        "from scratchmlp.workers import threads",
        "import numpy as np\nnp.random.seed(0)",
        "import numpy as np\nnp.load('file')",
        "def f():\n    global state",
        "print('hello')",
    ],
)
def test_a_breach_is_seen(planted):
    assert list(breaches(planted))


def test_importing_the_package_loads_numpy_and_toolz_alone():
    program = (
        "import sys, numpy, toolz; before = set(sys.modules); import scratchmlp;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}));"
        "assert 'numpy.random' not in sys.modules"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    assert set(loaded) - set(sys.stdlib_module_names) == {"scratchmlp", "numpy"}


def test_importing_the_package_reads_no_data():
    program = "import sys, scratchmlp; print('gzip' in sys.modules or 'csv' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.strip() == b"False"
