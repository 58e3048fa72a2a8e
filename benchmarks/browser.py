"""A headless Chromium (Debian's `chromium` and `chromium-driver`), and a hand that draws in it."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--hide-scrollbars",
)
# A 3, in a drawing area of 280 by 280.
THREE = (
    *((62, 62), (92, 44), (140, 40), (178, 54), (188, 88), (166, 122), (130, 138)),
    *((172, 150), (198, 184), (188, 224), (148, 242), (100, 242), (64, 224)),
)


@contextmanager
def chromium() -> Iterator[Chrome]:
    """A browser with a profile of its own, which is gone afterwards."""
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    if None in found.values():
        raise FileNotFoundError(f"apt-get install chromium chromium-driver: there is only {found}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.binary_location = found["chromium"]
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options, Service(found["chromedriver"]))
        try:
            yield driver
        finally:
            driver.quit()


def resize(driver: Chrome, width: int, height: int, dark: bool = False) -> None:
    """Show the page so large, on a phone if it is narrow, in light or dark."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def draw(driver: Chrome, points: Sequence[tuple[float, float]]) -> None:
    """A line through points of the drawing area, by the mouse."""
    pad = driver.find_element(By.ID, "pad")
    scale = pad.size["width"] / 280
    hand = ActionChains(driver, duration=10)
    for number, (x, y) in enumerate(points):
        hand.move_to_element_with_offset(pad, (x - 140) * scale, (y - 140) * scale)
        if number == 0:
            hand.click_and_hold()
    hand.release().perform()
