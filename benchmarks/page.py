"""The page of the article's deep network with a drawn digit, and a picture of it.

python -m benchmarks.page
"""

import argparse
import tempfile
from pathlib import Path

from toolz import last, take

from benchmarks.browser import THREE, chromium, draw, resize
from benchmarks.harness import DEEP
from scratchmlp import adam, init_params, init_state, minibatches, one_cycle, train
from scratchmlp.datasets import mnist
from scratchmlp.descriptions import pixels
from scratchmlp.export import export

FIGURE = Path(__file__).with_name("figures") / "page.png"


def main() -> None:
    """Train for some epochs, write the page, draw a 3 on it, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10, help="of training (default: 10)")
    parser.add_argument("--page", type=Path, metavar="FILE", help="keep the page there")
    parser.add_argument("--figure", type=Path, default=FIGURE, metavar="FILE", help="the picture")
    options = parser.parse_args()
    training, test = mnist()
    updates = options.epochs * 60_000 // 128
    optimizer = adam(one_cycle(0.003, iterations=updates))
    batches = minibatches(*training, size=128, seed=0)
    start = init_state(init_params(DEEP, seed=0), optimizer)
    params = last(take(updates, train(start, batches, optimizer=optimizer))).params
    with tempfile.TemporaryDirectory() as folder:
        page = options.page or Path(folder) / "page.html"
        export(page, params, description=pixels(784, (28, 28)), examples=test)
        picture(page, options.figure)
        print(f"{page.stat().st_size / 1e6:.2f} MB; the picture is {options.figure}")


def picture(page: Path, path: Path) -> None:
    """What the page looks like on a desk when a 3 has been drawn."""
    with chromium() as driver:
        resize(driver, 1120, 905)
        driver.get(page.absolute().as_uri())
        driver.find_element("id", "clear").click()
        draw(driver, THREE)
        print(driver.find_element("id", "verdict").text)
        driver.execute_script("window.scrollTo(0, 0)")
        driver.save_screenshot(str(path))


if __name__ == "__main__":
    main()
