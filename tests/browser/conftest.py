"""A real Chromium before a real server on loopback."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Playwright, Request, expect, sync_playwright

from licence_service.app import served
from tests.serving import serving
from tests.world import World, a_world

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-proxy-server"]
HOSTS = {"127.0.0.1", ""}  # `data:` has none


@dataclass
class Site:
    """A world that is served at `url`."""

    world: World
    url: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Site]:
    """The whole service behind uvicorn on a free port."""
    with a_world(tmp_path_factory.mktemp("site"), demo_keys) as world, serving(served(world.service)) as port:
        yield Site(world, f"http://127.0.0.1:{port}")


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """What drives browsers, until this folder's tests end: it keeps a loop of events running, beside which no other test could have its own."""
    with sync_playwright() as driving, pytest.MonkeyPatch.context() as patched:
        for act in ("click", "press", "select_option", "check"):
            patched.setattr(Locator, act, _until_loaded(getattr(Locator, act)))
        expect.set_options(timeout=30_000)  # as every act has; a busy machine takes its time
        yield driving


def _until_loaded(act: Callable[..., Any]) -> Callable[..., Any]:
    """Let an act end when the page that it led to is there whole: by itself it ends with that page's first byte, when nothing can be read yet."""

    @wraps(act)
    def done(self: Locator, *given: Any, **options: Any) -> Any:
        outcome = act(self, *given, **options)
        if not self.page.is_closed():
            self.page.wait_for_load_state()
        return outcome

    return done


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Debian's Chromium."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    with suppress(Error):
        browser.close()


Opening = Callable[..., Page]


Room = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def room(chromium: Browser) -> Iterator[Room]:
    """Return a function that lends a context of these options without cookies; its first page keeps a warm process for those of the tests."""
    kept: dict[str, BrowserContext] = {}

    def lend(url: str, **options: Any) -> BrowserContext:
        name = repr((url, sorted(options.items())))
        if name not in kept:
            kept[name] = chromium.new_context(base_url=url, **options)
            kept[name].new_page().goto("/")
        kept[name].clear_cookies()
        return kept[name]

    yield lend
    for context in kept.values():
        context.close()


@pytest.fixture
def opened(room: Room, site: Site) -> Iterator[Opening]:
    """Return a function that opens the site's page with options of its own; at the end, nothing may have left the host or gone wrong."""
    pages: list[Page] = []
    asked: list[str] = []
    trouble: list[str] = []

    def open_page(**options: object) -> Page:
        page = room(site.url, **options).new_page()
        pages.append(page)

        def remember(request: Request) -> None:
            asked.append(request.url)

        page.on("request", remember)
        page.on(
            "console",
            lambda message: trouble.append(message.text) if message.type in {"error", "warning"} and "status of" not in message.text else None,
        )
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.goto("/")
        return page

    yield open_page
    for page in pages:
        assert page.context.pages[1:] == [one for one in pages if one.context is page.context], "a window that nobody asked for"
    for page in pages:
        page.close()
    assert asked
    assert {urlsplit(url).hostname or "" for url in asked} <= HOSTS
    assert not trouble
