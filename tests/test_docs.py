"""The API reference: it has every public name, with a docstring, and no reference is broken."""

import builtins
import html
import inspect
import pkgutil
import re
from configparser import ConfigParser
from html.parser import HTMLParser
from pathlib import Path

import pdoc
import pytest

import scratchmlp
from tests.reference import __main__ as docs

# In backticks, a name alone (or with dots) must be one that there is; anything else is code.
REFERENCE = re.compile(r"`([A-Za-z_][\w.]*)(?:\(\))?`")
ELSEWHERE = ("toolz", "numpy", "jax", "dask", "sklearn")
SETUP = Path(__file__).parents[1] / "setup.cfg"


@pytest.fixture(scope="module")
def pages():
    return docs.read()


def shown(namespace):
    """The documented members of a page or a class."""
    for doc in namespace.members.values():
        if not doc.name.startswith("_"):
            yield doc
        if isinstance(doc, pdoc.doc.Class) and not hasattr(doc.obj, "_fields"):
            yield from (each for each in shown(doc) if is_method(each))


def is_method(doc):
    return isinstance(doc, pdoc.doc.Function) and doc.taken_from[0].startswith("scratchmlp")


def names(pages):
    """What a docstring may call by its name alone: all that is documented, arguments, fields."""
    yield from dir(builtins)
    setup = ConfigParser()
    setup.read(SETUP, encoding="utf-8")
    yield from setup["options.extras_require"]
    for doc in (doc for page in pages.values() for doc in shown(page)):
        yield doc.name
        if isinstance(doc, pdoc.doc.Class):
            yield from (*doc.members, *dir(doc.obj))
        if isinstance(doc, pdoc.doc.Function):
            yield from doc.signature.parameters


def broken(text, known):
    """The names in backticks of a text that are neither known nor can be imported."""
    return [name for name in REFERENCE.findall(text) if name not in known and not found(name)]


def found(name):
    owner, _, member = name.partition(".")
    if owner in ELSEWHERE or not member:
        return owner in ELSEWHERE
    if hasattr(getattr(scratchmlp, owner, None), member):
        return True
    try:
        return owner == "scratchmlp" and bool(pkgutil.resolve_name(name))
    except (ImportError, AttributeError):
        return False


def test_every_public_name_is_there(pages):
    assert set(scratchmlp.__all__) <= set(pages["scratchmlp"].members)
    grouped = [doc.name for *_, members in docs.groups(pages["scratchmlp"]) for doc in members]
    assert sorted(grouped) == sorted(scratchmlp.__all__)


def test_every_public_name_has_a_docstring(pages):
    described = {doc.fullname: doc.docstring for page in pages.values() for doc in shown(page)}
    assert len(described) > 100
    assert [name for name, text in described.items() if not text.strip()] == []
    assert all(page.docstring for page in pages.values())


def test_no_reference_is_broken(pages):
    known = set(names(pages))
    lost = {
        doc.fullname: broken(doc.docstring, known)
        for page in pages.values()
        for doc in (page, *shown(page))
    }
    assert {name: references for name, references in lost.items() if references} == {}


@pytest.mark.parametrize("name", ["hpv", "scratchmlp.spectra", "scratchmlp.hpv", "Layer.V"])
def test_a_broken_reference_is_seen(pages, name):
    known = set(names(pages))
    assert broken(f"as `{name}` does", known) == [name]
    there = "`hvp`, `rng`, `curvature`, `Layer.W`, `map`, `a + b`, `scratchmlp.spectrum`, `plot`"
    assert broken(there, known) == []


def test_a_missing_docstring_is_seen():
    page = pdoc.doc.Module(inspect.getmodule(undocumented))
    assert not page.members["undocumented"].docstring


def undocumented():
    pass


class Links(HTMLParser):
    """The addresses that a page links to, and the places in it that have one."""

    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.ids.add(given.get("id"))


def test_the_pages_link_to_each_other(tmp_path):
    docs.write(tmp_path)
    files = {path: Links() for path in tmp_path.rglob("*.html")}
    for path, found in files.items():
        found.feed(path.read_text(encoding="utf-8"))
    lost = []
    for path, found in files.items():
        for link in found.links:
            address, _, place = link.partition("#")
            if not address.startswith("http"):
                target = files.get((path.parent / address).resolve() if address else path)
                if target is None or (place and place not in target.ids):
                    lost.append(f"{path.name}: {link}")
    assert lost == []


def test_signatures_are_as_they_are_written(tmp_path):
    docs.write(tmp_path)
    page = (tmp_path / "scratchmlp.html").read_text(encoding="utf-8")
    text = html.unescape(re.sub("<[^>]*>", "", page))
    assert re.search(
        r"predict\(\s*params: Params,\s*X: Array,\s*network: Network = classifier", text
    )
    assert re.search(r"hidden: Activation \| tuple\[Activation, \.\.\.\] = relu", text)
