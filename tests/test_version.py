"""The version is said once, where setup.cfg reads it, and the changes begin with it."""

import ast
from configparser import ConfigParser
from pathlib import Path

import scratchmlp

PACKAGE = Path(scratchmlp.__file__).parent


def test_the_version_is_a_literal_that_needs_no_import():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    values = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    assert ast.literal_eval(values["__version__"]) == scratchmlp.__version__
    setup = ConfigParser()
    setup.read(PACKAGE.with_name("setup.cfg"), encoding="utf-8")
    assert setup["metadata"]["version"] == "attr: scratchmlp.__version__"


def test_the_changes_begin_with_the_version():
    lines = (PACKAGE / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == f"## {scratchmlp.__version__}"
