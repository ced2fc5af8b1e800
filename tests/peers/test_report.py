"""The report in a real browser: it opens from a disk, its charts do what the page says, and people who see or hear otherwise can use it."""

import json
import os
import pathlib

import pytest
from conftest import run_folder, wait_until
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

SCREENS = pathlib.Path(os.environ["BROWSER_SCREENS"])


@pytest.fixture(scope="module")
def page(checkrein, tmp_path_factory):
    """The report of a run in which the guard had to act."""
    runs = tmp_path_factory.mktemp("runs")
    state = {"CHECKREIN_STATE": str(tmp_path_factory.mktemp("state"))}
    result = checkrein("run", "scenarios/car-bench/late-sight.yaml", "--sim", "--fast", "--runs", runs, env=state)
    assert result.returncode == 1, result.stderr
    return run_folder(runs) / "report.html"


def browser(*features, dark=False):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1300,1000", *features]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_script_timeout(60)
    if dark:
        media = [{"name": "prefers-color-scheme", "value": "dark"}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    return driver


@pytest.fixture
def opened(page):
    driver = browser()
    driver.get(page.as_uri())
    yield driver
    driver.quit()


def drawn(driver, least=1):
    """Waits until that many charts are drawn."""
    count = "return checkreinCharts.views.filter((view) => view.drawing._fullLayout).length"
    wait_until(lambda: driver.execute_script(count) >= least, "charts to be drawn")


def keep(driver, name):
    SCREENS.mkdir(parents=True, exist_ok=True)
    driver.save_screenshot(str(SCREENS / f"{name}.png"))


def test_it_opens_from_a_disk_fetches_nothing_and_complains_of_nothing(opened, page):
    keep(opened, "report-top")
    opened.execute_script("document.getElementById('charts').scrollIntoView()")
    drawn(opened, 2)
    keep(opened, "report-charts")
    asked = [
        entry["params"]["request"]["url"]
        for entry in (json.loads(line["message"])["message"] for line in opened.get_log("performance"))
        if entry["method"] == "Network.requestWillBeSent"
    ]
    assert asked[0] == page.as_uri()
    assert [url for url in asked[1:] if not url.startswith("data:")] == []
    assert opened.get_log("browser") == []
    assert opened.find_element(By.TAG_NAME, "h1").text.startswith("FAIL")
    paints = opened.execute_script("return performance.getEntriesByType('paint').map((entry) => entry.startTime)")
    print(f"first paint after {min(paints):.0f} ms, {page.stat().st_size / 1e6:.2f} MB")


def test_a_verdict_leads_to_its_window(opened):
    failed = opened.find_element(By.CSS_SELECTOR, ".sentences .fail a.window")
    failed.click()
    start, end = (float(part) for part in failed.get_attribute("href").split("#t=")[1].split("&")[0].split(".."))
    window = lambda: opened.execute_script("return checkreinCharts.state.window")
    wait_until(lambda: window() == pytest.approx([start, end]), "the window of the rule")
    drawn(opened)
    # A chart that tells of the rule is on the screen, and shows that window.
    here = opened.execute_script(
        "return checkreinCharts.views.filter((view) => { const at = view.box.getBoundingClientRect(); return at.top >= 0 && at.top < innerHeight && view.drawing._fullLayout; })"
        ".map((view) => [view.chart?.title ?? '', view.drawing._fullLayout.xaxis.range])"
    )
    assert any("room-to-brake" in title and shown == pytest.approx([start, end]) for title, shown in here), here
    keep(opened, "report-verdict")


def test_cursor_and_mark_are_one_for_all_charts(opened):
    opened.execute_script("document.getElementById('charts').scrollIntoView()")
    drawn(opened, 3)
    chart = opened.find_elements(By.CSS_SELECTOR, "#plots .chart .drawing")[1]
    ActionChains(opened).move_to_element(chart).perform()
    places = "return checkreinCharts.views.filter((view) => view.chart && view.drawing._fullLayout && !view.lines[0].hidden).map((view) => view.drawing._fullLayout.xaxis.p2d(parseFloat(view.lines[0].style.left) - view.drawing._fullLayout.xaxis._offset))"
    wait_until(lambda: len(opened.execute_script(places)) >= 2, "cursors in several charts")
    cursor = opened.execute_script("return checkreinCharts.state.cursor")
    assert opened.execute_script(places) == pytest.approx([cursor] * len(opened.execute_script(places)), abs=1e-3)
    values = [out.text for out in opened.find_elements(By.CSS_SELECTOR, "#plots .chart h4 output") if out.text]
    assert any("m/s" in text for text in values), values
    # The same by hand on the keys; from a mark on, differences are told.
    plots = opened.find_element(By.ID, "plots")
    opened.execute_script("arguments[0].focus({preventScroll: true})", plots)
    ActionChains(opened).send_keys("m", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).perform()
    assert opened.execute_script("return checkreinCharts.state.mark") == pytest.approx(cursor)
    assert opened.execute_script("return checkreinCharts.state.cursor") > cursor
    assert "Δ" in opened.find_element(By.ID, "cursor").text
    before = opened.execute_script("return checkreinCharts.state.window")
    ActionChains(opened).send_keys("+").perform()
    after = opened.execute_script("return checkreinCharts.state.window")
    assert after[1] - after[0] == pytest.approx((before[1] - before[0]) / 2, rel=0.01)
    wait_until(lambda: f"#t={after[0]:.6f}..{after[1]:.6f}" in opened.current_url, "the address to hold the window")
    link = opened.current_url
    opened.get("about:blank")
    opened.get(link)
    assert opened.execute_script("return checkreinCharts.state.window") == pytest.approx(after, abs=1e-5)


def test_what_is_drawn_has_the_peaks_of_the_data_at_every_zoom(opened):
    """Random data with spikes of one sample, at 10 zooms in 20 places each: what is drawn is as high and as low as what is there."""
    wrong = opened.execute_script(
        """
        const { state, visible } = checkreinCharts, kept = state.window, count = 300000, wrong = [];
        let seed = 12345;
        const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
        const [from, to] = kept, t = new Float64Array(count), y = new Float32Array(count);
        for (let i = 0; i < count; i++) { t[i] = from + ((to - from) * i) / count; y[i] = random() + (random() < 0.0003 ? 50 * (random() - 0.5) : 0); }
        for (let zoom = 0; zoom < 10; zoom++)
          for (let place = 0; place < 20; place++) {
            const width = (to - from) / 2 ** zoom, start = from + random() * (to - from - width);
            state.window = [start, start + width];
            const seen = visible({ t, y }), inside = (at) => at >= start && at <= start + width;
            let least = Infinity, greatest = -Infinity;
            for (let i = 0; i < count; i++) if (inside(t[i])) { least = Math.min(least, y[i]); greatest = Math.max(greatest, y[i]); }
            const drawn = seen.y.filter((_, i) => inside(seen.t[i]));
            if (Math.min(...drawn) !== least || Math.max(...drawn) !== greatest || seen.t.length > 5000) wrong.push([zoom, place, seen.t.length]);
          }
        state.window = kept;
        return wrong;
        """
    )
    assert wrong == []


@pytest.mark.parametrize("dark", [False, True])
def test_no_serious_fault_for_people_who_see_or_hear_otherwise(page, dark):
    axe = (pathlib.Path(os.environ["BROWSER_NODE_MODULES"]) / "axe-core" / "axe.min.js").read_text()
    driver = browser(dark=dark)
    try:
        driver.get(page.as_uri())
        driver.execute_script("document.getElementById('charts').scrollIntoView()")
        drawn(driver)
        keep(driver, f"report-{'dark' if dark else 'light'}")
        driver.execute_script(axe)
        found = driver.execute_async_script("axe.run(document, { resultTypes: ['violations'] }).then(arguments[0])")
        serious = [
            (fault["id"], fault["help"], [node["html"][:200] for node in fault["nodes"][:3]])
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
        assert serious == []
        assert len(found["violations"]) < 5, [fault["id"] for fault in found["violations"]]
    finally:
        driver.quit()


def test_without_scripts_everything_but_the_charts_is_there(page):
    driver = browser()
    try:
        driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
        driver.get(page.as_uri())
        keep(driver, "report-without-scripts")
        assert not driver.find_element(By.ID, "charts").is_displayed()
        assert driver.find_element(By.CSS_SELECTOR, "#figure-overview svg").is_displayed()
        assert len(driver.find_elements(By.CSS_SELECTOR, "#explain article")) == 9
    finally:
        driver.quit()
