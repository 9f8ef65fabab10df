"""``python -m services.emitter.demo``: fills a running installation with an invented district.

The year so far at full speed, the last working day faster than life, then a look at the result as
a user would take it. Everything goes through the gateway, like the events of any one-stop software.
"""

import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FrameType

from schemas.books import Book
from schemas.registry import Registry
from schemas.report import Report
from services.books import BookRefused, Books
from services.emitter.client import GatewayAway, GatewayClient, GatewayRefuses
from services.emitter.demo_check import Installation, Unanswered
from services.emitter.demo_key import NoKey, make_key, usable_key
from services.emitter.demo_options import Options, options_of
from services.emitter.demo_screen import Bar, Screen, number
from services.emitter.demo_story import (
    EDITION,
    VIET_NAM,
    Story,
    Told,
    begin,
    finish,
    memory_file,
    remembered,
    story_of,
)
from services.emitter.demo_units import are_known, registry_of_demo
from services.emitter.replay import (
    UNWATCHED_S,
    WATCHED_S,
    Sent,
    replay,
    send_all,
    speed_for,
    walk_ins,
)
from services.emitter.simulate import EventDict, simulate_year

_SOMEBODY_COMES = """
Từ giờ, cứ vài giây có một người đến nộp hồ sơ. Dừng / stop: Ctrl-C
From now on somebody walks in every few seconds."""

_UNITS_UNKNOWN = """Cổng tiếp nhận không đọc danh mục ở {folder}: --data có đúng thư mục không?
The gateway does not read the registry in {folder}: is --data its folder?"""

KeyMaker = Callable[[Path, Sequence[str]], str]


class CannotShow(Exception):
    """The demonstration does not begin; the text says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 0 shown, 1 something is not as it should be, 2 could not begin."""
    options = options_of(arguments)
    screen = Screen()
    for number_of_signal in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number_of_signal, interrupted)
    try:
        return show(options, screen)
    except KeyboardInterrupt:
        screen.tell("\nMô phỏng dừng theo yêu cầu / demonstration stopped as asked.")
        return 0
    except (CannotShow, NoKey) as error:
        screen.tell(str(error), "bold red")
        return 2
    except (GatewayAway, GatewayRefuses, Unanswered) as error:
        screen.tell(f"Mô phỏng dừng giữa chừng / demonstration broke off: {error}", "bold red")
        screen.tell(
            "Chạy lại cùng lệnh để làm tiếp; phần đã gửi chỉ được tính một lần.\n"
            "Run the same command again to carry on; what was sent counts once."
        )
        return 1


def show(
    options: Options,
    screen: Screen,
    now: Callable[[], datetime] = lambda: datetime.now(VIET_NAM),
    key_maker: KeyMaker = make_key,
) -> int:
    """The whole demonstration; returns the exit code. Raises what ``main`` explains."""
    story = story_of(now(), options.dossiers, options.seed)
    with Installation(options.url) as installation:
        about = installation.discover()
        told = _check_folder(about.get("demo") is True, options, remembered(options.data))
        book = _book_of(options)
        registry = registry_of_demo(options.data)
        table = partial(installation.table, story.first, story.day, options.book)
        before = table().dossiers
        _introduce(screen, story, told, before)
        client_of = _client_maker(options.url, screen)
        units = sorted({unit.code for unit in registry.units})
        key = usable_key(options.data, units, client_of, key_maker)
        begin(options.data, story)
        with client_of(key) as client:
            if not are_known(client, registry):
                raise CannotShow(_UNITS_UNKNOWN.format(folder=options.data / "registry"))
            codes, sent = _tell(options, screen, story, told, registry, client)
            finish(options.data, story)
            # of what was refused nobody waits for anything
            wanted = 0 if sent.refused else codes
            report = installation.table_with(wanted, story.first, story.day, options.book)
            well = _conclude(
                screen, options, installation, about, book, report, before, wanted, sent
            )
            if not options.leave:
                screen.tell(_SOMEBODY_COMES)
                walk_ins(registry, client, now, random.Random(f"{options.seed} {now()}"))
    return 0 if well or not options.leave else 1


def _check_folder(invented: bool, options: Options, told: Told | None) -> Told | None:
    if not invented:
        raise CannotShow(
            f"{options.url} chứa dữ liệu thật: không mô phỏng trên đó. Chạy: ./run demo\n"
            f"{options.url} holds real data: no demonstration on it. Run: ./run demo"
        )
    if told is not None and told.edition != EDITION:
        raise CannotShow(
            f"Thư mục {options.data} có huyện mô phỏng của phiên bản cũ, nay kể khác. Chọn "
            f"thư mục khác: --data DIR\n"
            f"Folder {options.data} holds the simulated district of an earlier version, which is "
            f"told differently now. Choose another folder: --data DIR"
        )
    if told is not None and told.seed != options.seed:
        raise CannotShow(
            f"Thư mục {options.data} đã có huyện mô phỏng số {told.seed}; số {options.seed} sẽ "
            f"trộn hai huyện vào nhau. Dùng --seed {told.seed}, hoặc thư mục khác: --data DIR\n"
            f"Folder {options.data} holds the simulated district {told.seed}; number "
            f"{options.seed} would mix two districts. Use --seed {told.seed}, or another --data DIR"
        )
    return told


def _book_of(options: Options) -> Book:
    try:
        return Books(options.data).load(options.book)
    except BookRefused as refused:
        raise CannotShow("\n".join(reversed(refused.told))) from None


def _client_maker(url: str, screen: Screen) -> Callable[[str], GatewayClient]:
    def waiting(why: str) -> None:
        screen.tell(f"… chờ cổng tiếp nhận / waiting for the gateway: {why}", "yellow")

    return lambda key: GatewayClient(url, key, waiting=waiting)


# -- the parts of the story


def _introduce(screen: Screen, story: Story, told: Told | None, before: int) -> None:
    screen.tell(
        "\nDỮ LIỆU BỊA RA ĐỂ MINH HOẠ / INVENTED DATA: huyện Đắk Hà mô phỏng, "
        f"{story.this_year}, --seed {story.seed}",
        "bold",
    )
    if told is not None:
        screen.tell(
            f"Thư mục này đã có mô phỏng ({number(before)} hồ sơ): gửi lại với đúng id cũ, "
            "không hồ sơ nào bị tính hai lần.\n"
            f"This folder has a demonstration already ({number(before)} dossiers): sent again with "
            "the same ids, nothing counts twice."
        )


def _tell(
    options: Options,
    screen: Screen,
    story: Story,
    told: Told | None,
    registry: Registry,
    client: GatewayClient,
) -> tuple[int, Sent]:
    """Send year and day; (how many dossiers there are, what became of the events)."""
    codes: set[str] = set()
    sent, today = Sent(), Sent()
    begins = story.day.isoformat()
    day: list[EventDict] = []

    def year() -> Iterator[EventDict]:
        for event in simulate_year(registry, story.first, story.day, story.dossiers, story.seed):
            codes.add(event["subject"])
            if event["time"] < begins:
                yield event
            else:
                day.append(event)

    began = time.monotonic()
    with screen.bar(f"Từ {story.first:%d/%m} đến {story.before:%d/%m} / the year so far") as bar:
        send_all(year(), client, sent, partial(_year_progress, bar, story, sent))
    seconds = time.monotonic() - began
    screen.tell(
        f"  {number(sent.events)} sự kiện / events, {seconds:.1f} s, "
        f"{number(sent.events / max(seconds, 0.001))} sự kiện/s"
    )
    title = f"Ngày {story.day:%d/%m} / a working day"
    if told is not None and told.covers(story):
        # it was shown before, and the wall would not move: nobody should wait for that
        with screen.bar(title) as bar:
            send_all(day, client, today, partial(_day_progress, bar, len(day), today))
    else:
        speed = options.speed or speed_for(day, UNWATCHED_S if options.leave else WATCHED_S)
        with screen.bar(f"{title} × {number(speed)}, {options.url}/wall") as bar:
            replay(day, speed, client, today, partial(_day_progress, bar, len(day), today))
    sent.add_all(today)
    return len(codes), sent


def _year_progress(bar: Bar, story: Story, sent: Sent, last: EventDict) -> None:
    at = datetime.fromisoformat(last["time"]).date()
    span = max((story.before - story.first).days, 1)
    bar((at - story.first).days / span, f"{at:%d/%m}  {number(sent.events)} sự kiện / events")


def _day_progress(bar: Bar, events: int, sent: Sent, last: EventDict) -> None:
    at = datetime.fromisoformat(last["time"])
    bar(sent.events / events, f"{at:%H:%M}  {number(sent.events)} sự kiện / events")


def _conclude(
    screen: Screen,
    options: Options,
    installation: Installation,
    about: dict[str, object],
    book: Book,
    report: Report,
    before: int,
    wanted: int,
    sent: Sent,
) -> bool:
    """Say what came of it; whether all is as it should be."""
    refused = "".join(f", {number(n)} × {rule}" for rule, n in sent.refused.most_common())
    screen.tell(
        f"\nĐã gửi / sent {number(sent.events)}: nhận / accepted {number(sent.accepted)}, "
        f"từ chối / refused {number(sent.refused.total())}{refused}"
    )
    screen.tell(
        f"Hồ sơ / dossiers: trước / before {number(before)}, nay / now {number(report.dossiers)}\n"
    )
    screen.table(report, book)
    arrived = report.dossiers >= wanted
    if not arrived:
        screen.tell(
            f"Chỉ {number(report.dossiers)} trên {number(wanted)} hồ sơ đã tới màn hình. Xem nhật "
            f"ký / not all dossiers reached the wall. See the logs: {options.data / 'logs'}",
            "bold red",
        )
    audit = str(about.get("audit", ""))
    verified = installation.verify(audit)
    if verified.equal is None:
        screen.tell(f"\nKhông đối chiếu được / could not verify: {verified.why}", "yellow")
    elif verified.equal:
        screen.tell("\nĐối chiếu: số trực tiếp = lịch sử / live equals history ✔", "green")
    else:
        screen.tell(f"\nĐối chiếu LỆCH / live DIFFERS from history: {verified.why}", "bold red")
    screen.tell(
        f"""
  Màn hình / Wall            {options.url}/wall
  Tra cứu, báo cáo / Audit   {audit}/
  Dữ liệu còn lại / kept in  {options.data}
  Xóa hết / delete it all    dừng rồi / stop, then: rm -r {options.data}
  Chạy lại / run again       không tăng gấp đôi / doubles nothing ({memory_file(options.data)})"""
    )
    return arrived and not sent.refused and verified.equal is not False


def interrupted(number_of_signal: int, frame: FrameType | None) -> None:
    """Interrupt once: a terminal's Ctrl-C and the supervisor's signal may both come."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
