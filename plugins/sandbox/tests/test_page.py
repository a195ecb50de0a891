"""The web page, in a real browser and over plain HTTP."""

import shutil

import pytest
import requests

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    '"><svg onload="document.title=\'owned\'">',
    "'; document.title='owned'; '",
    "{{constructor.constructor('document.title=1')()}}",
    "\u202eevil\u0000\u0007",
]


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"the page is tested in a browser, and none of {', '.join(names)} is on PATH")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=ARGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, sandbox):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, color_scheme="light")
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(sandbox.url())
    page.set_default_timeout(5000)
    yield page
    context.close()
    assert said == []


def cell(page, address):
    return page.locator(f'td[data-at="{address}"]')


def test_an_empty_sandbox_tells_what_to_do(page, sandbox):
    card = page.locator("#empty")
    card.wait_for()

    assert "tailrace demo" in card.inner_text()
    assert sandbox.url("sheets") in card.inner_text()
    assert not page.locator("#sheet").is_visible()


def test_rows_appear_and_changed_cells_flash(page, gs):
    made = gs.create("People")
    made.sheet1.update([["id", "name", "active"], [1, "Ada", True], [2, "Grace", False]])
    cell(page, "B3").get_by_text("Grace").wait_for()
    page.reload()  # where the sheet was seen empty first, all of it has just changed
    cell(page, "B3").get_by_text("Grace").wait_for()
    made.sheet1.update([["Grace Hopper"]], "B3")
    cell(page, "B3").get_by_text("Grace Hopper").wait_for()

    assert "fresh" in cell(page, "B3").get_attribute("class").split()
    assert cell(page, "A2").get_attribute("class") == "n"
    assert cell(page, "C2").get_attribute("class") == "b"
    assert page.locator("#sheet-title").inner_text() == "People"
    assert page.locator("#extent").inner_text().startswith("3 rows in a grid of 1,000 \u00d7 26")


def test_hostile_text_is_inert_everywhere(page, gs):
    made = gs.create(HOSTILE[0])
    tab = made.add_worksheet(HOSTILE[1], 20, 8)
    tab.update([[text] for text in HOSTILE])
    page.get_by_role("tab", name=HOSTILE[1]).click()
    cell(page, "A5").get_by_text(HOSTILE[4]).wait_for()
    page.locator(".line").first.click()
    page.locator(".detail").wait_for()

    assert page.title() == "tailrace sandbox"
    assert cell(page, "A1").inner_text() == HOSTILE[0]
    assert page.locator("td img, td script, td svg, .things img, .detail img").count() == 0
    assert page.locator("#sheet-title").inner_text() == HOSTILE[0]


def test_tabs_and_spreadsheets_switch(page, gs):
    first = gs.create("First")
    first.sheet1.update([["on one"]])
    first.add_worksheet("Two", 5, 5).update([["on two"]])
    gs.create("Second").sheet1.update([["elsewhere"]])
    cell(page, "A1").get_by_text("elsewhere").wait_for()
    page.locator(".thing", has_text="First").click()
    cell(page, "A1").get_by_text("on one").wait_for()
    page.get_by_role("tab", name="Two").click()
    cell(page, "A1").get_by_text("on two").wait_for()

    assert page.get_by_role("tab", name="Two").get_attribute("aria-selected") == "true"
    assert page.locator('.thing[aria-current="true"] b').inner_text() == "First"


def test_the_objects_of_a_salesforce_org_are_tables(page, sandbox):
    session = requests.Session()
    session.trust_env = False
    data = f"{sandbox.url('salesforce')}/services/data/v62.0/sobjects"
    session.post(f"{data}/Account/", json={"Name": HOSTILE[0]})
    session.post(f"{data}/Contact/", json={"LastName": "Lovelace", "Active__c": True})
    session.close()
    page.get_by_role("tab", name="Contact").click()
    cell(page, "A2").get_by_text("Lovelace").wait_for()

    assert cell(page, "A1").inner_text() == "LastName"
    assert page.locator("#sheet-title").inner_text().startswith("Org 00D")
    page.get_by_role("tab", name="Account").click()
    cell(page, "A2").get_by_text(HOSTILE[0]).wait_for()


def test_a_long_sheet_is_scrolled_not_drawn_whole(page, new_book):
    book = new_book(rows=5000, columns=2)
    book.put("A1", [[i + 1, f"row {i + 1}"] for i in range(5000)])
    cell(page, "B1").get_by_text("row 1").wait_for()
    page.locator("#scroll").evaluate("pane => { pane.scrollTop = 26 * 4000; }")
    cell(page, "B4001").get_by_text("row 4001").wait_for()

    assert page.locator("#body tr").count() < 150
    assert page.locator("#extent").inner_text() == "5,000 rows in a grid of 5,000 \u00d7 2"


def test_the_log_shows_requests_faults_and_details(page, sandbox, book):
    sandbox.faults.add("sheets", "answer", status=429)
    book.put("A1", [["x"]])
    page.locator(".fault").wait_for()
    line = page.locator(".line").first
    line.click()
    page.locator(".detail").wait_for()
    page.get_by_role("button", name="Trouble").click()

    assert "429" in line.inner_text()
    assert "RESOURCE_EXHAUSTED" in page.locator(".detail").inner_text()
    assert page.locator(".line:visible").count() == 1
    assert page.locator("#count-requests").inner_text() == "2"
    assert page.locator("#count-faults").inner_text() == "1"


def test_reset_empties_the_page(page, sandbox, book):
    book.put("A1", [["x"]])
    cell(page, "A1").get_by_text("x").wait_for()
    sandbox.reset()
    page.locator("#empty").wait_for()

    assert page.locator(".line").count() == 0


def test_the_dark_look_is_dark(browser, sandbox):
    colours = []
    for scheme in ("light", "dark"):
        with browser.new_context(color_scheme=scheme) as context:
            page = context.new_page()
            page.goto(sandbox.url())
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark = (sum(map(int, colour[4:-1].split(","))) for colour in colours)
    assert light > 600
    assert dark < 120


def test_the_page_says_when_the_sandbox_stops(browser):
    from tailrace_sandbox import Sandbox

    with browser.new_context() as context:
        page = context.new_page()
        with Sandbox() as other:
            page.goto(other.url())
            page.get_by_text("live", exact=True).wait_for()
        page.get_by_text("the sandbox has stopped").wait_for()

        assert page.locator("#live.on").count() == 0


@pytest.mark.parametrize(
    "path", ["", "page.js", "page.css", "grid.js", "icon.svg", "page/state", "nothing"]
)
def test_every_answer_is_guarded(sandbox, path):
    answer = requests.get(sandbox.url() + path, timeout=5)
    policy = answer.headers["Content-Security-Policy"]

    assert answer.status_code == (404 if path == "nothing" else 200)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_can_only_be_read(sandbox):
    assert requests.post(sandbox.url(), timeout=5).status_code == 405
    assert requests.get(sandbox.url() + "page/look/sheets/x/0", timeout=5).json() == {
        "kind": "gone"
    }
    assert requests.get(sandbox.url() + "page/exchange/1", timeout=5).status_code == 404


def test_nothing_is_inline_and_nothing_is_foreign(sandbox):
    text = requests.get(sandbox.url(), timeout=5).text

    assert "style=" not in text
    assert "onclick" not in text
    assert "http" not in text.lower()


def test_a_channel_shows_its_messages_as_the_text_that_they_are(page, sandbox):
    base = f"{sandbox.url('slack')}/api/chat.postMessage"
    how = {"timeout": 5, "proxies": {"no_proxy": "*"}}
    posted = [
        requests.post(base, json={"channel": "general", "text": text}, **how).json()
        for text in HOSTILE
    ]
    reply = {"channel": "general", "text": "a reply", "thread_ts": posted[0]["ts"]}
    requests.post(base, json=reply, **how)
    page.locator("#messages li.reply").get_by_text("a reply").wait_for()
    shown = page.locator("#messages li p")

    assert [HOSTILE[0], "a reply", *HOSTILE[1:]] == [
        each.replace("\ufffd", "\0") for each in shown.all_text_contents()
    ]
    assert "owned" != page.title()
    assert not page.locator("#scroll").is_visible()
    assert page.locator("#extent").inner_text() == f"{len(HOSTILE) + 1} messages"
