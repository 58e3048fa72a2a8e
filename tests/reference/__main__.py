"""Write the API reference, and open it in the browser.

python -m tests.reference [FOLDER]

One page has every name of `scratchmlp` by the rooms of the core, and each module beside the core
has its own. pdoc reads the docstrings; what is added here are the rooms, the docstrings of values
such as `relu`, which pdoc does not look for where they are defined, and types as they are written.
"""

import argparse
import ast
import inspect
import re
import sys
import textwrap
import webbrowser
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pdoc

import scratchmlp

HERE = Path(__file__).parent
PACKAGE = Path(scratchmlp.__file__).parent
ROOMS = ("model", "data", "training", "derivatives")  # after the modules that stand before them


class Written(str):
    """A piece of source code, which a signature shows as it is."""

    __repr__ = str.__str__


def main() -> None:
    """Write the pages where the command line says, or into a new folder that is opened."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.reference", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", help="where to write it (default: a new one)"
    )
    given = parser.parse_args().folder
    folder = given or Path(mkdtemp(prefix="scratchmlp-docs-"))
    write(folder)
    print(folder / "index.html")
    if given is None and sys.stdout.isatty():
        webbrowser.open((folder / "index.html").as_uri())


def write(folder: Path) -> None:
    """Write all pages."""
    pages = read()
    footer = f"scratchmlp {scratchmlp.__version__}"
    pdoc.render.configure(template_directory=HERE, footer_text=footer)
    pdoc.render.env.globals["groups"] = groups
    for name, page in pages.items():
        file = folder / f"{name.replace('.', '/')}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(pdoc.render.html_module(page, pages), encoding="utf-8")
    (folder / "index.html").write_text(pdoc.render.html_index(pages), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(pages), encoding="utf-8")


def read() -> dict[str, pdoc.doc.Module]:
    """The pages by the names of their modules, with docstrings and signatures."""
    pages = {name: pdoc.doc.Module(import_module(name)) for name in public_modules()}
    for page in pages.values():
        page.submodules = [each for each in pages.values() if each.modulename != "scratchmlp"]
        describe_values(page)
        show_as_written(page)
    return pages


def public_modules() -> list[str]:
    """The package, and every module or package beside the core that has public names."""
    packages = [path.parent for path in PACKAGE.glob("[a-z]*/__init__.py")]
    names = {path.stem for path in (*PACKAGE.glob("[a-z]*.py"), *packages)} - {"core", "cli"}
    return ["scratchmlp", *(f"scratchmlp.{name}" for name in sorted(names))]


def origins() -> dict[str, str]:
    """The module of the core that each name of `scratchmlp` is imported from."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def groups(page: pdoc.doc.Module) -> list[tuple[str, str, list[pdoc.doc.Doc]]]:
    """Title, description and members of each part of a page: of the package, its rooms' modules."""
    if page.modulename != "scratchmlp":
        return [("", "", list(page.members.values()))]
    found = origins()
    modules = sorted(set(found.values()), key=reading_order)
    return [
        (
            ": ".join(name.split(".")[2:]),
            (import_module(name).__doc__ or "").partition("\n\n")[0],
            [doc for doc in page.members.values() if found.get(doc.name) == name],
        )
        for name in modules
    ]


def reading_order(module: str) -> tuple[int, str]:
    """The place of a module of the core on the page: by its room, then by its name."""
    room = module.split(".")[2]
    return ROOMS.index(room) + 1 if room in ROOMS else 0, module


def describe_values(page: pdoc.doc.Module) -> None:
    """Give values, such as `relu`, the docstring that stands below their definition."""
    found = origins() if page.modulename == "scratchmlp" else {}
    for name, module in found.items():
        doc = page.members[name]
        if isinstance(doc, pdoc.doc.Variable):
            home = pdoc.doc.Module(import_module(module))
            doc.docstring = home.members[name].docstring


def show_as_written(namespace: pdoc.doc.Namespace[Any]) -> None:
    """Let signatures have the types and defaults of the source: `Params`, and not what that is."""
    # What scikit-learn adds to its estimators, such as `set_fit_request`, is described there.
    for name in [name for name in namespace.members if re.fullmatch(r"set_\w+_request", name)]:
        del namespace.members[name]
    for doc in namespace.members.values():
        ours = doc.taken_from[0].startswith("scratchmlp")
        if isinstance(doc, pdoc.doc.Class):
            show_as_written(doc)
        elif isinstance(doc, pdoc.doc.Function) and doc.name == "__init__" and is_tuple(namespace):
            itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
            known = as_written(inspect.signature(namespace.obj), field_texts(namespace.obj))
            doc.signature = known.replace(parameters=[itself, *known.parameters.values()])
        elif isinstance(doc, pdoc.doc.Function) and ours and not doc.name.startswith("_"):
            doc.signature = as_written(inspect.signature(doc.obj), argument_texts(doc.obj))


def is_tuple(namespace: pdoc.doc.Namespace[Any]) -> bool:
    """Whether it is a NamedTuple."""
    return hasattr(namespace.obj, "_fields")


def as_written(signature: inspect.Signature, texts: Mapping[str, Any]) -> inspect.Signature:
    """The signature with (annotation, default) of each argument from texts, None if it has none."""
    empty = inspect.Parameter.empty

    def text(name: str, place: int) -> Any:
        node = texts.get(name, (None, None))[place]
        quoted = place == 0 and isinstance(node, ast.Constant) and isinstance(node.value, str)
        return empty if node is None else Written(node.value if quoted else ast.unparse(node))

    given = [
        each.replace(annotation=text(each.name, 0), default=text(each.name, 1))
        for each in signature.parameters.values()
    ]
    return signature.replace(parameters=given, return_annotation=text("return", 0))


def argument_texts(function: Any) -> dict[str, tuple[Any, Any]]:
    """The annotation and the default of each argument, and those of the result."""
    node = definition(inspect.unwrap(function))
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    required = [None] * (len(positional) - len(given.defaults))
    known = zip(
        [*positional, *given.kwonlyargs],
        [*required, *given.defaults, *given.kw_defaults],
        strict=True,
    )
    several = [(each, None) for each in (given.vararg, given.kwarg) if each]
    found = {each.arg: (each.annotation, default) for each, default in (*known, *several)}
    return {**found, "return": (node.returns, None)}


def field_texts(kind: Any) -> dict[str, tuple[Any, Any]]:
    """The annotation and the default of each field of a NamedTuple."""
    fields = [each for each in definition(kind).body if isinstance(each, ast.AnnAssign)]
    return {ast.unparse(each.target): (each.annotation, each.value) for each in fields}


def definition(thing: Any) -> Any:
    """The syntax tree of a function or class."""
    return ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0]


if __name__ == "__main__":
    main()
