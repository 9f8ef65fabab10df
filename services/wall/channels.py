"""Event streams: one channel for each selection, its messages encoded once for all its screens.

Runs in the server's event loop; views are computed in a thread, so that no screen waits for
another's numbers.
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from schemas.admitted import rfc3339_ms
from schemas.books import Book
from schemas.registry import Registry
from schemas.snapshots import UnitNow
from services.books import BookRefused
from services.certificates import Certificates
from services.wall.hours import OfficeHours, local
from services.wall.lists import unit_of
from services.wall.parameters import Selection
from services.wall.view import IndicatorView, View, Views
from streams.live import LiveSource, UnitState

RETRY_MS = 3000
_QUEUE = 64
"""Messages that a slow screen may lag behind before it gets one snapshot instead of them."""
_IDLE_CHANNELS = 32
_PAUSE_PER_SCREEN_S = 0.00015
"""A change is sent at once; the next one waits so long for each screen, that sending leaves room
for the events that this process takes in: with a thousand screens, six changes a second.
"""
_QUIETEST = 3
"""Units named to the screens as those that are silent for longest, by their own measure."""
_GAPS = 10
"""Silence of so many usual gaps is told: an office with one dossier a week is not broken."""
_EVENTS_A_DOSSIER = 4
_FORGOTTEN = timedelta(days=14)
"""Silent for longer is not an emitter that has stopped, but one that is no more."""
_SHOWN = {
    "state", "compared_at", "units", "units_compared", "units_differing", "history_behind",
    "next_within_s",
}  # fmt: skip


@dataclass(eq=False)
class Channel:
    """The view of one selection, its version, and the screens that watch it."""

    selection: Selection
    seq: int = 0
    view: View | None = None
    screens: set["asyncio.Queue[bytes | None]"] = field(default_factory=set)
    beating: "asyncio.Task[None] | None" = None
    source: object = None
    """What the view was computed from, all units or the one; identity is version."""
    book: Book | None = None
    registry: Registry | None = None
    day: date | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Channels:
    """All channels of a server."""

    def __init__(
        self,
        views: Views,
        book: Callable[[], Book | BookRefused],
        registry: Callable[[], Registry],
        live: LiveSource,
        certificates: Certificates,
        build: str,
        hours: OfficeHours,
        now: Callable[[], datetime],
        beat_every_s: float,
    ) -> None:
        self._views = views
        self._hours = hours
        self._book = book
        self._registry = registry
        self._live = live
        self._certificates = certificates
        self._build = build
        self._now = now
        self._beat_every_s = beat_every_s
        # a restarted server counts from one again: screens must not take that for old news
        self._boot = secrets.token_hex(4)
        self._channels: OrderedDict[Selection, Channel] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = False
        self._refreshing: asyncio.Task[None] | None = None
        self._changed = False
        self._quiets: dict[str | None, _Quiet] = {}
        live.subscribe(self._on_live_change)
        certificates.subscribe(self._on_certificate)

    def close(self) -> None:
        """Tell every screen that the server restarts and end its stream; safe in any thread."""
        self._closing = True
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended before: nobody is left to tell
                self._loop.call_soon_threadsafe(self._say_bye)

    async def current(self, selection: Selection) -> Channel:
        """The selection's channel, fresh; ``view`` is None until the counters are here."""
        channel = self._channel(selection)
        await self._refresh(channel)
        return channel

    async def stream(self, selection: Selection) -> AsyncIterator[bytes]:
        """Server-sent events: ``snapshot``, ``delta``, ``beat``, ``certificate``, then ``bye``."""
        channel = await self.current(selection)
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)
        channel.screens.add(queue)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            if self._closing:
                yield self._bye()
                return
            if channel.view is not None:
                yield self._snapshot_event(channel)
            yield _event("beat", self.beat(channel))
            yield self._certificate_event()
            if channel.beating is None or channel.beating.done():
                channel.beating = asyncio.create_task(self._beat_all(channel))
            while (message := await queue.get()) is not None:
                yield message
        finally:
            channel.screens.discard(queue)

    def snapshot(self, channel: Channel) -> bytes:
        """The view with its version, as JSON."""
        return orjson.dumps(self._snapshot(channel))

    def version(self, channel: Channel) -> str:
        """Changes when the snapshot does, and when the server restarts."""
        return f"{self._boot}-{channel.seq}"

    def beat(self, channel: Channel) -> dict[str, Any]:
        """That the server lives, how old its numbers are, and whether offices work.

        ``idle_s``: working seconds since the last event; ``silent``: (unit, moment of its last
        event, working seconds since) of those that usually would have sent something long ago.
        ``waiting``: why there are no figures yet; ``no_book``: it is the book that is missing.
        """
        now = self._now()
        complete_until = self._live.complete_until()
        book = self._book()
        refused = book if isinstance(book, BookRefused) else None
        lag_s = None if complete_until is None else (now - complete_until).total_seconds()
        quiet = self._quiet(channel.selection.unit, now)
        return {
            "server_time": rfc3339_ms(now),
            "boot": self._boot,
            "seq": channel.seq,
            "build": self._build,
            "last_event_at": quiet.last_event_at,
            "lag_s": None if lag_s is None else round(max(0.0, lag_s), 1),
            "working_now": self._hours.working(now),
            "idle_s": quiet.idle_s,
            "silent": quiet.silent,
            "waiting": self._live.not_ready() or (refused.told[0] if refused else None),
            "no_book": refused is not None,
        }

    def certificate(self) -> dict[str, Any] | None:
        """What a screen needs of the newest certificate; None: there is none yet."""
        found = self._certificates.newest()
        return None if found is None else found.model_dump(mode="json", include=_SHOWN)

    async def _beat_all(self, channel: Channel) -> None:
        """Encoded once for all screens; it names the version, and what led to it went before."""
        while channel.screens and not self._closing:
            await asyncio.sleep(self._beat_every_s)
            await self._refresh(channel)
            self._send(channel, _event("beat", self.beat(channel)))

    def _channel(self, selection: Selection) -> Channel:
        self._loop = asyncio.get_running_loop()
        channel = self._channels.pop(selection, None) or Channel(selection)
        self._channels[selection] = channel
        idle = [s for s, c in self._channels.items() if not c.screens and c is not channel]
        for forgotten in idle[:-_IDLE_CHANNELS]:
            del self._channels[forgotten]
        return channel

    def _on_live_change(self, changed: frozenset[str]) -> None:
        """Called in the live source's thread."""
        if self._loop is not None and not self._closing:
            with suppress(RuntimeError):  # the loop has ended: nobody watches
                self._loop.call_soon_threadsafe(self._refresh_watched_soon)

    def _on_certificate(self) -> None:
        """Called in the reader's thread."""
        if self._loop is not None and not self._closing:
            with suppress(RuntimeError):  # the loop has ended: nobody watches
                self._loop.call_soon_threadsafe(self._send_certificate)

    def _send_certificate(self) -> None:
        for channel in self._channels.values():
            self._send(channel, self._certificate_event())

    def _refresh_watched_soon(self) -> None:
        self._changed = True
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh_watched())

    async def _refresh_watched(self) -> None:
        while self._changed:
            self._changed = False
            watched = [c for c in self._channels.values() if c.screens]
            for channel in watched:
                await self._refresh(channel)
            await asyncio.sleep(_PAUSE_PER_SCREEN_S * sum(len(c.screens) for c in watched))

    async def _refresh(self, channel: Channel) -> None:
        async with channel.lock:
            states, registry, book = self._live.units(), self._registry(), self._book()
            day = local(self._now()).date()
            if self._live.not_ready() is not None or isinstance(book, BookRefused):
                return
            same_files = channel.registry is registry and channel.book is book
            unit = channel.selection.unit
            source = states if unit is None else states.get(unit)
            if channel.view and channel.source is source and same_files and channel.day == day:
                return
            view = await asyncio.to_thread(
                self._views.view, channel.selection, book, registry, states, day
            )
            before, channel.view = channel.view, view
            other_book, channel.book = channel.book is not book, book
            channel.source, channel.registry, channel.day = source, registry, day
            if view == before:
                return
            channel.seq += 1
            changed = None if before is None or other_book else difference(before, view)
            if changed is None:
                self._send(channel, self._snapshot_event(channel))
            else:
                delta = {"boot": self._boot, "seq": channel.seq, "view": changed}
                self._send(channel, _event("delta", delta, channel.seq))

    def _send(self, channel: Channel, message: bytes) -> None:
        for queue in channel.screens:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                if channel.view is not None:
                    queue.put_nowait(self._snapshot_event(channel))
                queue.put_nowait(self._certificate_event())
            else:
                queue.put_nowait(message)

    def _say_bye(self) -> None:
        for channel in self._channels.values():
            if channel.beating is not None:
                channel.beating.cancel()
            for queue in channel.screens:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(self._bye())
                queue.put_nowait(None)

    def _snapshot(self, channel: Channel) -> dict[str, Any]:
        return {"boot": self._boot, "seq": channel.seq, "view": channel.view}

    def _snapshot_event(self, channel: Channel) -> bytes:
        return _event("snapshot", self._snapshot(channel), channel.seq)

    def _certificate_event(self) -> bytes:
        return _event("certificate", self.certificate())

    def _bye(self) -> bytes:
        return _event("bye", {"server_time": rfc3339_ms(self._now())})

    def _quiet(self, unit: str | None, now: datetime) -> "_Quiet":
        """Computed at most once a second, or when something came, for all screens of a unit."""
        units = self._live.units()
        kept = self._quiets.get(unit)
        if kept and kept.units is units and timedelta() <= now - kept.at < timedelta(seconds=1):
            return kept
        states = units.values() if unit is None else [s for s in (units.get(unit),) if s]
        told = [(s.now.last_recorded_at, s.now) for s in states if s.now.last_recorded_at]
        # RFC 3339 in UTC with milliseconds: text order is time order
        newest = max((at for at, _ in told), default=None)
        since = rfc3339_ms(now - _FORGOTTEN)
        silent = []
        for at, one in told:
            silence = self._worked_since(at, now) if at >= since else 0.0
            if silence > _GAPS * _usual_gap_s(one):
                silent.append((silence / _usual_gap_s(one), one.unit, at, silence))
        registry, today = self._registry(), local(now).date()
        named = [
            (unit_of(registry, code, today).name, at, silence)
            for _, code, at, silence in sorted(silent, reverse=True)[:_QUIETEST]
        ]
        idle_s = None if newest is None else self._worked_since(newest, now)
        found = self._quiets[unit] = _Quiet(now, units, newest, idle_s, named)
        return found

    def _worked_since(self, at: str, now: datetime) -> float:
        return round(max(0.0, self._hours.worked_s(datetime.fromisoformat(at), now)), 1)


@dataclass(frozen=True, slots=True)
class _Quiet:
    at: datetime
    units: Mapping[str, UnitState]
    last_event_at: str | None
    idle_s: float | None
    silent: list[tuple[str, str, float]]


def _usual_gap_s(now: UnitNow) -> float:
    """Working seconds between two events of the unit, roughly: a month has 21 days of 8 hours."""
    events = _EVENTS_A_DOSSIER * max(1, now.dossiers)
    return max(1, len(now.months)) * 21 * 8 * 3600 / events


_KEYED = ("indicators", "rows")
"""Lists of which a delta has only what is new or changed, by ``code``."""


def difference(before: View, after: View) -> dict[str, Any] | None:
    """The fields of ``after`` that differ; None when a row is gone and the whole must be sent.

    Of the indicators only those that differ, each with its code and the fields that do; of the rows
    those that are new or differ. Laying it over ``before`` gives ``after``.
    """
    changed: dict[str, Any] = {
        f.name: getattr(after, f.name)
        for f in fields(View)
        if f.name not in _KEYED and getattr(before, f.name) != getattr(after, f.name)
    }
    if before.rows is not after.rows:
        known = {row.code: row for row in before.rows}
        if not known.keys() <= {row.code for row in after.rows}:
            return None
        if rows := [row for row in after.rows if known.get(row.code) != row]:
            changed["rows"] = rows
    pairs = zip(before.indicators, after.indicators, strict=True)
    changed["indicators"] = [_changes(old, new) for old, new in pairs if new != old]
    return changed


def _changes(old: IndicatorView, new: IndicatorView) -> dict[str, Any]:
    return {
        f.name: getattr(new, f.name)
        for f in fields(IndicatorView)
        if f.name == "code" or getattr(old, f.name) != getattr(new, f.name)
    }


def _event(name: str, data: object, number: int | None = None) -> bytes:
    head = f"event: {name}\n" if number is None else f"event: {name}\nid: {number}\n"
    return head.encode() + b"data: " + orjson.dumps(data) + b"\n\n"
