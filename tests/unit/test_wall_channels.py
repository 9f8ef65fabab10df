"""Event streams: what a screen is sent, and that nothing holds the server when it stops."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas.books import Book, Period, load_book
from schemas.registry import load_registry
from services.books import BookRefused
from services.wall.channels import Channels
from services.wall.parameters import Selection
from services.wall.view import Views
from tests.support.wall import HOURS, NOW, FakeCertificates, FakeLive, certificate, closed, state

YEAR = Period(first=date(2023, 1, 1), last=date(2023, 12, 31))
ALL = Selection(None, YEAR, "Năm 2023")
LONG_S = 60.0
BOOK = load_book("dak-ha-2023")


async def test_a_screen_gets_the_snapshot_then_what_changes() -> None:
    live, channels = _channels()
    live.set(state("23500", closed("commune", 10, "on_time")))
    screen = _Screen(channels.stream(ALL))
    assert await screen.next() == ("retry", None)
    name, snapshot = await screen.next()
    assert (name, snapshot["seq"], snapshot["view"]["resolved"]) == ("snapshot", 1, 10)
    assert (await screen.next())[0] == "beat"
    assert await screen.next() == ("certificate", None)

    live.set(state("23500", closed("commune", 12, "on_time")))
    name, delta = await screen.next()
    assert (name, delta["seq"], delta["boot"]) == ("delta", 2, snapshot["boot"])
    assert delta["view"]["resolved"] == 12
    changed = {i["code"] for i in delta["view"]["indicators"]}
    assert changed == {"digitization_commune", "on_time_commune"}
    await screen.close()


async def test_nothing_is_sent_for_a_change_that_changes_nothing_shown() -> None:
    """A received dossier moves no rate: a thousand screens need not hear of it."""
    live, channels = _channels(beat_every_s=0.1)
    live.set(state("23500", closed("commune", 10)))
    screen = _Screen(channels.stream(ALL))
    await screen.until("certificate")
    live.set(state("23500", closed("commune", 10), last_event_at="2023-11-10T07:32:00.000Z"))
    name, beat = await screen.next()
    assert name == "beat"
    assert (beat["seq"], beat["last_event_at"]) == (1, "2023-11-10T07:32:00.000Z")
    await screen.close()


async def test_no_snapshot_before_the_counters_are_here_and_one_at_once_then() -> None:
    """Half of the numbers look like all of them."""
    live, channels = _channels()
    live.why = "reading motcua.units: 12 records to go"
    screen = _Screen(channels.stream(ALL))
    assert (await screen.next())[0] == "retry"
    name, beat = await screen.next()
    assert (name, beat["waiting"], beat["seq"]) == ("beat", live.why, 0)
    assert (await screen.next())[0] == "certificate"
    live.why = None
    live.set(state("23500", closed("commune", 10)))
    assert (await screen.next())[0] == "snapshot"
    await screen.close()


async def test_a_beat_says_how_old_the_figures_are() -> None:
    live, channels = _channels()
    live.set(state("23500", closed("commune", 10)))
    live.lag_s = 130
    beat = channels.beat(await channels.current(ALL))
    assert beat["lag_s"] == 130
    assert beat["server_time"] == "2023-11-10T07:32:05.000Z"
    assert (beat["working_now"], beat["idle_s"], beat["silent"]) == (True, 7.0, [])
    live.lag_s = None
    assert channels.beat(await channels.current(ALL))["lag_s"] is None


async def test_a_beat_says_which_unit_has_been_silent_for_longer_than_it_ever_is() -> None:
    """The district goes on; one commune's software has stopped, and nobody there looks."""
    live, channels = _channels()
    busy = {"last_event_at": "2023-11-10T07:32:00.000Z"}
    stopped = {"last_event_at": "2023-11-09T09:00:00.000Z"}
    live.set(
        state("23500", closed("commune", 2000), **busy),
        state("23515", closed("commune", 2000), **stopped),
        state("23503", closed("commune", 2), **stopped),  # a dossier a fortnight: always silent
        state(
            "23504", closed("commune", 2000), last_event_at="2023-06-01T02:00:00.000Z"
        ),  # no more
    )
    beat = channels.beat(await channels.current(ALL))
    # an hour of the 9th; of the 10th all of the morning and from 13:30 to 14:32:05
    worked_s = 3600 + 4.5 * 3600 + 3725
    assert beat["silent"] == [("Xã Ngọk Wang", "2023-11-09T09:00:00.000Z", worked_s)]
    assert beat["idle_s"] == 5.0


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        ("2023-11-10T14:32:05+07:00", True),
        ("2023-11-10T12:15:00+07:00", True),  # a break is no evening
        ("2023-11-10T17:29:00+07:00", True),
        ("2023-11-10T17:31:00+07:00", False),
        ("2023-11-10T06:59:00+07:00", False),
        ("2023-11-11T10:00:00+07:00", False),  # a Saturday
        ("2023-09-04T10:00:00+07:00", False),  # Monday, the day off for the 2nd of September
        ("2024-05-04T10:00:00+07:00", True),  # a Saturday worked for the 29th of April
        ("2040-11-09T10:00:00+07:00", True),  # a Friday of a year that nobody has listed
    ],
)
def test_offices_work_by_the_calendar(moment: str, working: bool) -> None:
    """On a holiday silence is no alarm; on a Saturday that is worked it is."""
    assert HOURS.working(datetime.fromisoformat(moment)) is working


async def test_closing_says_bye_and_ends_every_stream_at_once() -> None:
    """Otherwise a connected screen keeps the server from stopping."""
    _, channels = _channels()
    screens = [_Screen(channels.stream(ALL)) for _ in range(3)]
    for screen in screens:
        await screen.until("certificate")
    await asyncio.to_thread(channels.close)
    for screen in screens:
        assert (await screen.next())[0] == "bye"
        with pytest.raises(StopAsyncIteration):
            await screen.next()
    late = _Screen(channels.stream(ALL))
    await late.until("bye")
    with pytest.raises(StopAsyncIteration):
        await late.next()


async def test_a_screen_that_does_not_read_gets_one_snapshot_instead_of_a_backlog() -> None:
    """Memory of the server must not depend on the slowest television."""
    live, channels = _channels()
    live.set(state("23500", closed("commune", 1)))
    slow, quick = _Screen(channels.stream(ALL)), _Screen(channels.stream(ALL))
    await slow.until("beat")
    await quick.until("beat")
    for n in range(2, 200):
        live.set(state("23500", closed("commune", n)))
        while (await quick.until("delta"))["view"].get("resolved") != n:
            pass
    received: list[tuple[str, Any]] = []
    while not received or received[-1][0] == "certificate" or received[-1][1]["seq"] < 199:
        received.append(await slow.next())
    assert len(received) < 100
    told = [name for name, _ in received]
    assert "snapshot" in told
    # it may have been in what was thrown away
    assert "certificate" in told[told.index("snapshot") :]
    for screen in (slow, quick):
        await screen.close()


async def test_a_certificate_is_sent_when_it_comes_and_holds_no_more_than_is_shown() -> None:
    """Whether the figures were compared is as live as the figures; a thousand dossiers are not."""
    certificates = FakeCertificates()
    _, channels = _channels(certificates=certificates)
    certificates.set(certificate())
    screen = _Screen(channels.stream(ALL))
    first = await screen.until("certificate")
    assert (first["state"], first["units_compared"], first["units"]) == ("equal", 24, 24)

    certificates.set(certificate(state="differs", units_differing=1))
    name, found = await screen.next()
    assert (name, found["state"], found["units_differing"]) == ("certificate", "differs", 1)
    assert not {"differences", "offsets", "sha256"} & set(found)
    assert channels.certificate() == found
    await screen.close()


async def test_a_new_day_is_a_new_view_without_any_event() -> None:
    """The last week of a sparkline ends today, and the year ends at midnight."""
    moments = [NOW]
    live, channels = _channels(beat_every_s=0.05, now=lambda: moments[0])
    live.set(state("23500", closed("commune", 10)))
    screen = _Screen(channels.stream(ALL))
    await screen.until("beat")
    moments[0] = NOW + timedelta(days=60)
    delta = await screen.until("delta")
    assert delta["view"]["running"] is False
    await screen.close()


async def test_another_book_is_another_snapshot_and_none_yet_is_told() -> None:
    """Tiles of two books must never mix, and a wall without its book must not look broken."""
    books: list[Book | BookRefused] = [BookRefused("book_unreadable", "own.toml: no", "own.toml")]
    live, channels = _channels(beat_every_s=0.05, book=lambda: books[-1])
    live.set(state("23500", closed("commune", 10, "on_time")))
    screen = _Screen(channels.stream(ALL))
    beat = await screen.until("beat")
    assert (beat["waiting"], beat["no_book"], beat["seq"]) == ("own.toml: no", True, 0)

    books.append(BOOK)
    assert len((await screen.until("snapshot"))["view"]["indicators"]) == 7
    beat = await screen.until("beat")
    assert (beat["waiting"], beat["no_book"]) == (None, False)

    fewer = BOOK.indicators[-1:]
    own = {"title": "Riêng", "indicators": fewer}
    kept = tuple(t for t in BOOK.targets if t.indicator == fewer[0].code)
    books.append(BOOK.model_copy(update={**own, "targets": kept}))
    view = (await screen.until("snapshot"))["view"]
    assert (view["book_title"], [i["code"] for i in view["indicators"]]) == (
        "Riêng",
        [fewer[0].code],
    )
    assert view["indicators"][0]["a"] == 10
    await screen.close()


class _Screen:
    """Reads one event stream."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self._stream = stream

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(5):
            message = await anext(self._stream)
        fields = dict(line.split(": ", 1) for line in message.decode().strip().split("\n"))
        if "retry" in fields:
            return "retry", None
        return fields["event"], orjson.loads(fields["data"])

    async def until(self, wanted: str) -> Any:
        while True:
            name, data = await self.next()
            if name == wanted:
                return data

    async def close(self) -> None:
        await self._stream.aclose()  # type: ignore[attr-defined]  # an async generator


def _channels(
    beat_every_s: float = LONG_S,
    now: Callable[[], datetime] = lambda: NOW,
    book: Callable[[], Book | BookRefused] | None = None,
    certificates: FakeCertificates | None = None,
) -> tuple[FakeLive, Channels]:
    live, registry = FakeLive(now), load_registry()
    views = Views("UBND huyện Đắk Hà", False, HOURS)
    given = certificates or FakeCertificates()
    return live, Channels(
        views,
        book or (lambda: BOOK),
        lambda: registry,
        live,
        given,
        "build",
        HOURS,
        now,
        beat_every_s,
    )
