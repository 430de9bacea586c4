"""The page as people see it: in Chromium, on a desk and on a phone, in light and dark."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from onehttp.cli.group import onehttp

webdriver = pytest.importorskip("selenium.webdriver")
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys

pytestmark = [
    pytest.mark.debian,
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("chromedriver"), reason="make packages: chromium-driver"),
]
ROOT = Path(__file__).parents[2]
ARTEFACTS = Path(os.environ.get("ONEHTTP_ARTEFACTS", ROOT / ".artefacts")) / "page"
CORPUS = Path(__file__).parent / "corpus"
PAST = "import KSR\nimport requests\n\n\ndef f():\n    return requests.get('http://x/')\n"
SCREENS = {"desk": (1280, 900), "phone": (390, 844)}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the corpus, one script of it rewritten, and a file that has to be changed by hand."""
    folder = tmp_path_factory.mktemp("page")
    scripts = Path(shutil.copytree(CORPUS, folder / "scripts"))
    (scripts / "past.py").write_text(PAST)
    (scripts / "python_2.py").write_text("print 'x'\n")
    moved = str(scripts / "billing_check.py")
    assert CliRunner().invoke(onehttp, ["migrate", "rewrite", moved, "--write"]).exit_code == 0
    html = folder / "page.html"
    CliRunner().invoke(onehttp, ["migrate", "scan", str(scripts), "--html", str(html)])
    return html


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"):
        options.add_argument(f"--{argument}")
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.fixture(params=[f"{screen} {scheme}" for screen in SCREENS for scheme in ("light", "dark")])
def browser(request: pytest.FixtureRequest, page: Path, chromium: Any) -> Any:
    """Chromium with the page, loaded anew, on one of the screens."""
    screen, scheme = request.param.split()
    width, height = SCREENS[screen]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    chromium.get("about:blank")
    chromium.get(page.as_uri())
    chromium.screen = request.param.replace(" ", "-")
    return chromium


def shot(browser: Any, name: str) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(ARTEFACTS / f"{browser.screen}-{name}.png"))


def shown(browser: Any) -> int:
    count: int = browser.execute_script(
        "return document.querySelectorAll('details.site:not([hidden])').length"
    )
    return count


def focused(browser: Any) -> str:
    text: str = browser.execute_script("return document.activeElement.textContent")
    return text


def test_the_page_is_complete_on_every_screen(browser: Any) -> None:
    shot(browser, "top")
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert browser.execute_script(wide) == 0
    browser.execute_script(
        "const s = document.querySelectorAll('details.site');"
        "s[0].open = s[1].open = true; s[0].scrollIntoView()"
    )
    shot(browser, "sites")
    assert browser.execute_script(wide) == 0
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert dark == ("rgb(13, 17, 23)" if "dark" in browser.screen else "rgb(255, 255, 255)")
    tiles = browser.execute_script(
        "return [...document.querySelectorAll('.treemap a')].map(one => one.getBoundingClientRect()"
        ").map(one => [one.width, one.height])"
    )
    assert min(side for tile in tiles for side in tile) > 10
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_the_page_can_be_filtered_and_navigated_by_keys(browser: Any) -> None:
    whole = shown(browser)
    by_id = webdriver.common.by.By.ID
    body = browser.find_element("tag name", "body")
    body.send_keys("/")
    find = browser.find_element(by_id, "find")
    assert browser.switch_to.active_element == find
    find.send_keys("push post_hdrs")
    assert 0 < shown(browser) < whole
    assert browser.find_element(by_id, "shown").text == f"{shown(browser)} of {whole} shown"
    find.clear()
    find.send_keys(Keys.ESCAPE)
    browser.find_element(by_id, "hand").click()
    assert shown(browser) == 1
    body.send_keys("j")
    assert "requests.get" in focused(browser)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.activeElement.parentNode.open")
    browser.find_element(by_id, "hand").click()
    body.send_keys("k")
    before = focused(browser)
    browser.switch_to.active_element.send_keys("j")
    assert focused(browser) != before
    browser.find_element(by_id, "open").click()
    opened = "return document.querySelectorAll('details.site[open]').length"
    assert browser.execute_script(opened) == whole
    shot(browser, "open")


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core (MPL-2.0), which is fetched for the test and not kept here."""
    if not shutil.which("npm"):
        pytest.skip("axe-core comes by npm, which is not there")
    folder = tmp_path_factory.mktemp("axe")
    install = ["npm", "install", "--no-audit", "--no-fund", "--silent", "axe-core@4"]
    subprocess.run(install, cwd=folder, check=True, timeout=300)
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


def test_axe_finds_nothing(browser: Any, axe: str) -> None:
    browser.execute_script(
        "for (const one of document.querySelectorAll('details')) one.open = true"
    )
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.execute_script(axe)
    found = browser.execute_async_script(
        "const done = arguments[0]; axe.run().then(told => done(told.violations.map(one => "
        "[one.id, one.help, one.nodes.slice(0, 3).map(node => node.html)])))"
    )
    assert found == [], json.dumps(found, indent=2)
