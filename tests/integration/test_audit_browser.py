"""The audit in a real Chromium: from a report to the event behind it, for every reader."""

import gzip
import threading
from collections.abc import Iterator
from importlib import resources

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect

from tests.support.audited import audit_app, said
from tests.support.browser import FULL_HD, chromium
from tests.support.clickhouse import Server, numbered
from tests.support.kafka import free_ports

PERIOD = "from=2023-01-01&to=2023-12-31"
PAGES = (
    f"/?{PERIOD}&known_at=2023-02-15",
    f"/?{PERIOD}&unit=23500&lang=en",
    f"/?book=qd766&{PERIOD}",
    f"/behind?{PERIOD}&indicator=IV.2&case=a",
    f"/behind?{PERIOD}&indicator=III.1&case=a",
    "/dossiers?state=closed",
    "/dossier?unit=23500&dossier=moved",
    f"/changes?{PERIOD}&known_at=2023-02-15",
    f"/compare?{PERIOD}&unit_2=23503&lang=en",
    f"/forensics?{PERIOD}",
    f"/forensics/claim_differs?{PERIOD}&lang=en",
    f"/trend?{PERIOD}",
    "/verify",
    "/docs?lang=en",
    "/?from=yesterday",
)


@pytest.fixture(scope="module")
def address(clickhouse_server: Server) -> Iterator[str]:
    database = clickhouse_server.database()
    database.store(numbered(said()))
    pool = database.pool()
    port = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(audit_app(pool), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)
    pool.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    opened = context.new_page()
    opened.set_default_timeout(60_000)
    yield opened
    context.close()


@pytest.fixture(scope="module")
def axe() -> str:
    packed = resources.files("tests.support") / "vendor" / "axe.min.js.gz"
    return gzip.decompress(packed.read_bytes()).decode()


def test_from_a_report_to_the_event_behind_it(page: Page, address: str) -> None:
    """Open the report, go back to what was known in February, click a number, reach the event."""
    page.goto(f"{address}/?{PERIOD}")
    expect(page.locator(".clocks.provisional")).to_contain_text("Tạm tính")
    row = page.locator("[id='IV.2']")
    today = row.locator("td").nth(4).inner_text()

    page.get_by_label("Theo thông tin đã biết đến").first.fill("2023-02-15")
    page.get_by_role("button", name="Xem").click()
    expect(page.locator(".clocks.final")).to_contain_text("Đã chốt")
    then = row.locator("td").nth(4).inner_text()
    assert int(then) > int(today), "the correction of March made one of them late"
    expect(row.locator(".chip")).to_have_text("−1 hồ sơ")

    row.locator("td a").nth(1).click()
    expect(page.locator(".cases [aria-current]")).to_contain_text(then)
    expect(page.locator("tbody tr")).to_have_count(int(then))
    page.get_by_role("link", name="moved", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hồ sơ moved")
    event = page.locator(".timeline tbody tr").filter(has_text="Đính chính")
    expect(event).to_contain_text("lúc đó chưa biết")
    expect(event).to_contain_text("offset 2")


@pytest.mark.parametrize("width", [1366, 1920])
def test_every_page_fits_its_screen_and_axe_finds_nothing(
    browser: Browser, address: str, axe: str, width: int
) -> None:
    """Nothing is cut off, nothing needs a mouse or good eyes; and no page is from elsewhere."""
    size = FULL_HD if width == 1920 else {"width": 1366, "height": 768}
    context = browser.new_context(viewport=size)  # type: ignore[arg-type]  # its own TypedDict
    page = context.new_page()
    page.set_default_timeout(60_000)
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url))
    for path in PAGES:
        page.goto(f"{address}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        # the two screens differ in nothing that axe looks at but in what wraps
        page.evaluate(axe)
        found = page.evaluate("axe.run()")
        told = [
            (v["id"], v["help"], [node["html"][:160] for node in v["nodes"][:3]])
            for v in found["violations"]
        ]
        assert told == [], path
    assert [url for url in foreign if not url.startswith((address, "data:"))] == []
    context.close()


def test_a_picture_is_readable_in_print(page: Page, address: str) -> None:
    """Paper has no links: the form is gone, pictures and tables are there."""
    page.goto(f"{address}/trend?{PERIOD}")
    page.emulate_media(media="print")
    expect(page.locator("form").first).to_be_hidden()
    pictures = page.locator("svg.picture")
    assert pictures.count() >= 10
    for picture in pictures.all():
        box = picture.bounding_box()
        assert box is not None and box["width"] > 200 and box["height"] > 20
