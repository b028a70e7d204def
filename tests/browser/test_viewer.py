"""The viewer, by keys, by touch, by its own address, with the browser's buttons, and without script."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.browsing import until

EXAMPLES = Path(__file__).parents[2] / "examples" / "pictures"
OPEN = "dialog[open] figure img"
CLOSED = "!document.querySelector('dialog').open"
PHONE = (390, 844)  # pixels


@pytest.fixture
def viewer(served, look):
    page = look(served(EXAMPLES) + "harbour/")
    page.get_by_role("link", name="sails").click()
    page.wait_for_selector(OPEN)
    return page


def shown(page) -> str:
    return page.url.partition("?view=")[2]


def test_keys_lead_through_all_pictures(viewer, kept) -> None:
    assert shown(viewer) == "sails.avif"
    for key, name in (
        ("ArrowRight", "sunset.jpg"),
        ("ArrowLeft", "sails.avif"),
        ("Home", "beacon.gif"),
        ("ArrowLeft", "beacon.gif"),
        ("End", "%E6%9C%88%E5%85%89.webp"),
    ):
        viewer.keyboard.press(key)
        viewer.wait_for_url(f"**?view={name}")
    until(viewer, "document.querySelector('dialog figure img').naturalWidth > 0")
    kept(viewer, "viewer", whole=False)
    viewer.keyboard.press("Escape")
    until(viewer, CLOSED)
    assert viewer.url.endswith("/harbour/")
    assert viewer.evaluate("document.activeElement.href").endswith("view=%E6%9C%88%E5%85%89.webp")


def test_information_is_shown_and_stays_while_turning(viewer, kept) -> None:
    viewer.keyboard.press("i")
    viewer.get_by_text("sails.avif").last.wait_for()
    viewer.keyboard.press("ArrowLeft")
    viewer.get_by_text("2024-08-17 20:41").wait_for()
    kept(viewer, "information", whole=False)
    viewer.keyboard.press("i")
    until(viewer, "getComputedStyle(document.querySelector('aside')).display == 'none'")


def test_the_browsers_buttons_go_where_one_expects(viewer) -> None:
    viewer.keyboard.press("ArrowRight")
    viewer.wait_for_url("**sunset.jpg")
    viewer.go_back()
    until(viewer, CLOSED)
    assert viewer.url.endswith("/harbour/")
    viewer.go_forward()
    viewer.wait_for_selector(OPEN)
    assert shown(viewer) == "sunset.jpg"
    viewer.reload()
    viewer.wait_for_selector("body.alone figure img")
    assert shown(viewer) == "sunset.jpg"
    viewer.keyboard.press("Escape")
    viewer.wait_for_url("**/harbour/#p4")


def test_a_pictures_own_address_shows_it_and_keys_work_there(served, look) -> None:
    page = look(served(EXAMPLES) + "harbour/?view=sails.avif")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**?view=Lighthouse%20at%20dusk.jpg")
    until(page, "document.querySelector('figure img').naturalHeight == 1280")
    assert page.title() == "Lighthouse at dusk.jpg"


def test_without_script_all_can_be_reached(served, look, kept) -> None:
    page = look(served(EXAMPLES) + "harbour/", script=False)
    kept(page, "without-script")
    page.get_by_role("link", name="sails").click()
    page.get_by_role("link", name="Next picture").click()
    assert shown(page) == "sunset.jpg"
    page.get_by_role("link", name="Information").click()
    assert page.get_by_text("pixels").is_visible()
    kept(page, "viewer-without-script", whole=False)
    page.get_by_role("link", name="Back to the folder").click()
    assert page.url.endswith("/harbour/#p4")
    page.get_by_role("searchbox").fill("light")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_text("1 picture", exact=True).is_visible()
    page.get_by_role("checkbox", name="Select Lighthouse at dusk").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    assert download.value.suggested_filename == "harbour.zip"


def drag(page, start: tuple[int, int], end: tuple[int, int], pointer: int = 1) -> None:
    """A finger, as pointer events tell of it."""
    page.evaluate(
        """([start, end, pointer]) => {
            const figure = document.querySelector('dialog figure');
            figure.setPointerCapture = () => {};
            const send = (type, [x, y]) => figure.dispatchEvent(new PointerEvent(type,
                {clientX: x, clientY: y, pointerId: pointer, bubbles: true, pointerType: 'touch'}));
            send('pointerdown', start);
            for (let i = 1; i <= 5; i++) send('pointermove', start.map((s, n) => s + (end[n] - s) * i / 5));
            send('pointerup', end);
        }""",
        [start, end, pointer],
    )


def test_fingers_turn_close_and_come_closer(served, look, kept) -> None:
    page = look(served(EXAMPLES) + "harbour/", PHONE, "dark")
    page.get_by_role("link", name="sails").click()
    page.wait_for_selector(OPEN)
    kept(page, "viewer-phone", whole=False)
    drag(page, (300, 400), (60, 410))
    page.wait_for_url("**sunset.jpg")
    drag(page, (60, 400), (300, 410))
    page.wait_for_url("**sails.avif")
    drag(page, (200, 400), (190, 402))
    assert shown(page) == "sails.avif"
    page.evaluate("""document.querySelector('dialog figure').dispatchEvent(
        new MouseEvent('dblclick', {clientX: 200, clientY: 400, bubbles: true}))""")
    assert "scale(2.5)" in page.evaluate("document.querySelector('dialog figure img').style.transform")
    drag(page, (300, 400), (60, 400))
    assert shown(page) == "sails.avif"
    page.evaluate("""document.querySelector('dialog figure').dispatchEvent(
        new MouseEvent('dblclick', {clientX: 200, clientY: 400, bubbles: true}))""")
    drag(page, (200, 300), (205, 600))
    until(page, CLOSED)


def test_two_fingers_come_closer(served, look) -> None:
    page = look(served(EXAMPLES) + "harbour/", PHONE)
    page.get_by_role("link", name="sails").click()
    page.wait_for_selector(OPEN)
    scale = page.evaluate("""() => {
        const figure = document.querySelector('dialog figure');
        figure.setPointerCapture = () => {};
        const send = (type, pointerId, x) => figure.dispatchEvent(new PointerEvent(type,
            {clientX: x, clientY: 400, pointerId, bubbles: true}));
        send('pointerdown', 1, 180); send('pointerdown', 2, 220);
        send('pointermove', 1, 140); send('pointermove', 2, 260);
        send('pointerup', 1, 140); send('pointerup', 2, 260);
        return figure.querySelector('img').style.transform;
    }""")
    assert "scale(3)" in scale


def test_neighbours_are_loaded_ahead(viewer) -> None:
    until(viewer, "performance.getEntriesByType('resource').some(e => e.name.includes('view=sunset.jpg'))")
    until(viewer, "viewer.near.length == 2 && viewer.near.every(image => image.complete)")


def test_focus_stays_in_the_viewer(viewer) -> None:
    for _ in range(12):
        viewer.keyboard.press("Tab")
        assert viewer.evaluate("""document.activeElement === document.body ||
            document.querySelector('dialog').contains(document.activeElement)""")
