"""The demo page as text and, with `pytest -m browser`, in a browser."""

import base64
import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest

from keras_textcnn.inference.server.app import PAGE
from tests.inference.server.conftest import TOKEN, Client, Server

TEXT = "apple pear <img src=x onerror=\"document.title='broken'\"> zinc " + "x" * 200


def test_the_page_fetches_nothing_and_makes_no_html() -> None:
    page = PAGE.read_text("utf-8")
    assert not re.findall(r"https?://|//[a-z]|@import|url\(", re.sub(r"^\s*//.*| // .*", "", page, flags=re.MULTILINE))
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|\son[a-z]+=|style=", page)
    for name in re.findall(r"<(?:select|textarea|input) id=\"(\w+)\"", page):
        assert f'<label for="{name}">' in page


def test_its_policy_allows_its_own_script_and_style_and_no_others(client: Client) -> None:
    response = client.get("/")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    for kind in ("script", "style"):
        [content] = re.findall(f"<{kind}>(.*?)</{kind}>", response.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{kind}-src"] == f"'sha256-{digest}'"


@pytest.fixture
def driver() -> Iterator[Any]:
    """Chromium without a window."""
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    started = webdriver.Chrome(options, service)
    yield started
    started.quit()


def wait_for(condition: Any) -> None:
    """Returns once it is true."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_in_a_browser_by_keyboard_alone(width: int, driver: Any, server: Server) -> None:
    from selenium.webdriver.common.keys import Keys

    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(server.url)

    def find(name: str) -> Any:
        return driver.find_element("id", name)

    def press(*keys: str) -> str:
        driver.switch_to.active_element.send_keys(*keys)
        return str(driver.switch_to.active_element.get_attribute("id"))

    wait_for(lambda: find("error").is_displayed())  # a token is needed
    assert "status 401" in find("error").text
    assert driver.switch_to.active_element.get_attribute("id") == "token"
    assert press(TOKEN, Keys.TAB) == "text"
    assert press(TEXT, Keys.TAB) == "send"
    press(Keys.ENTER)
    wait_for(lambda: find("answer").is_displayed())
    assert not find("error").is_displayed()
    assert find("label").text == server.predict(TEXT).json()["predictions"][0]["label"]
    assert len(driver.find_elements("css selector", "#bars li")) == 3
    assert driver.find_elements("css selector", "#words .for")
    assert not driver.find_elements("css selector", "#words img")
    assert driver.title == "Try a text classifier"
    inner, content = driver.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert content <= inner == width

    driver.execute_script("document.getElementById('model').add(new Option('gone', 'gone', true, true))")
    find("text").send_keys(Keys.CONTROL, Keys.ENTER)
    wait_for(lambda: find("error").is_displayed())
    assert "no model 'gone'" in find("error").text
    assert not find("answer").is_displayed()
    logged = [entry["message"] for entry in driver.get_log("browser")]
    assert all("status of 401" in line or "status of 404" in line for line in logged), logged
