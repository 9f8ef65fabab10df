"""Tells how a dossier's due moment came about, step by step, as a clerk would count it.

What follows from the events is said by ``streams.core``; here it is only put into words.
"""

from collections.abc import Iterator
from datetime import time
from typing import Any

import holidays

from schemas.registry import Procedure
from services.cli.case import KIND_TITLES, Case, at, day_told, iso, named, said_of, title, written
from services.cli.say import number
from streams.core.days import local_day, to_date
from streams.core.dossier import Received, ReceptionFlag
from streams.core.explain import Explanation, Step, What, explain_due
from streams.core.facts import Facts
from streams.core.working_time import UnknownDay, WorkingTime

_MOST_DAYS = 31
"""Days that are listed one by one; a longer time limit is told by its ends."""


def due_told(case: Case) -> str:
    """How the due moment came about, step by step."""
    explained = explain_due(case.dossier, case.work)
    hours = ", ".join(f"{a:%H:%M}–{b:%H:%M}" for a, b in case.work.calendar.hours)
    lines = [
        f"Hồ sơ {case.code}, đơn vị {case.unit}",
        f"Giờ làm việc {hours}; lịch {case.work.calendar.version}",
    ]
    for n, step in enumerate(explained.steps, start=1):
        lines.append("")
        lines.append(f"{n}. {at(step.entry.at)}  {KIND_TITLES[step.entry.kind]}{_own(case, step)}")
        lines += [f"   {line}" for line in _step(case, step)]
        if step.due != step.due_before:
            due = "chưa biết" if step.due is None else at(step.due)
            lines.append(f"   → hạn trả: {due}")
    lines += ["", *_without_effect(case, explained), *_verdict(explained.known)]
    return "\n".join(lines)


def due_json(case: Case) -> dict[str, Any]:
    """The same for programs."""
    explained = explain_due(case.dossier, case.work)
    known = explained.known
    return {
        "unit": case.unit,
        "dossier": case.code,
        "due_at": iso(known.due_at),
        "closed_at": iso(known.closed_at),
        "waiting_since": iso(known.waiting_since),
        "on_time": known.has("on_time") if known.has("resolved") else None,
        "steps": [
            {
                "what": step.what.value,
                "event": named(case, step.entry),
                "corrected_by": named(case, step.corrected_by) if step.corrected_by else None,
                "due_before": iso(step.due_before),
                "due_at": iso(step.due),
                "pause": None
                if step.pause is None
                else {
                    "start": iso(step.pause.start),
                    "end": iso(step.pause.end),
                    "working_ms": step.pause.worked,
                },
                "explained": _step(case, step),
            }
            for step in explained.steps
        ],
    }


def _own(case: Case, step: Step) -> str:
    data = said_of(case, step.entry)
    parts = [
        str(data[name])
        for name in ("document", "officer", "reason")
        if data.get(name) and not isinstance(step.entry, Received)
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def _step(case: Case, step: Step) -> list[str]:
    lines = [*_correction(case, step), *_meaning(case, step)]
    if step.calendar_unknown:
        lines.append(
            f"Lịch làm việc chưa có năm cần tính: hạn trả chưa biết. Bổ sung năm vào "
            f"{case.work.calendar.extend}"
        )
    return lines


def _correction(case: Case, step: Step) -> Iterator[str]:
    correction = step.corrected_by
    if correction is None:
        return
    said = case.said.get(correction.id, {}).get("data", {})
    original = case.said.get(correction.target)
    was = "chưa nhận được" if original is None else f"ghi lúc {written(original['time'])}"
    yield (
        f"Theo đính chính {at(correction.at)} (duyệt: {said.get('approved_by', '?')}; lý do: "
        f"{said.get('reason', '?')}); sự kiện gốc {was}."
    )


def _meaning(case: Case, step: Step) -> Iterator[str]:
    match step.what:
        case What.RECEIVED:
            yield from _reception(case, step)
        case What.RECEIVED_AGAIN:
            yield "Đã tiếp nhận trước đó: lần tiếp nhận đầu quyết định hạn trả."
        case What.STOPS:
            yield "Chờ người nộp bổ sung: đồng hồ dừng từ lúc này."
        case What.ASKED_AGAIN:
            yield "Lần bổ sung trước chưa xong: vẫn là một lần dừng."
        case What.RUNS:
            yield "Đồng hồ chạy lại."
        case What.UNASKED:
            yield "Không có yêu cầu bổ sung nào đang chờ: không có thời gian nào được trả lại."
        case What.EXTENDED:
            yield (
                "Gia hạn theo quy định: đặt hạn trả mới."
                if step.due != step.due_before
                else ("Gia hạn theo quy định, nhưng hạn trả không đổi.")
            )
        case What.APOLOGISED:
            yield "Xin lỗi và hẹn lại: không dời hạn trả, trễ vẫn là trễ."
        case What.AFTER_CLOSING:
            yield "Sau khi hồ sơ đã kết thúc: không tính."
        case What.CLOSED:
            yield "Hồ sơ kết thúc: từ đây hạn trả không đổi nữa."
        case What.CLOSED_AGAIN:
            yield "Đã kết thúc trước đó mà không mở lại: lần đầu quyết định."
        case What.REOPENED:
            yield "Mở lại: lần kết thúc trước không còn tính, đồng hồ theo mọi sự kiện đến nay."
    yield from _given_back(step)


def _given_back(step: Step) -> Iterator[str]:
    pause = step.pause
    if pause is None:
        return
    worked = "không rõ bao nhiêu giờ" if pause.worked is None else _duration(pause.worked)
    yield f"Đã dừng từ {at(pause.start)} đến {at(pause.end)}: {worked} làm việc."
    if getattr(step.entry, "due", None) is not None:
        yield "Đơn vị đặt hạn trả mới khi nhận bổ sung: hạn này đã gồm thời gian chờ."
    elif step.due_before is not None and step.due == step.due_before:
        if pause.start > step.due_before:
            yield "Yêu cầu bổ sung khi hạn trả đã qua: không được trả lại thời gian."
        else:
            yield "Trong đó không có thời gian nào để trả lại."
    elif step.due is not None:
        yield "Thời gian chờ tính theo giờ làm việc được cộng vào hạn trả."


def _reception(case: Case, step: Step) -> Iterator[str]:
    entry = step.entry
    assert isinstance(entry, Received)
    title = case.registry.title(entry.procedure)
    yield f"{entry.procedure} {title}" if title != entry.procedure else entry.procedure
    if entry.due is not None and not entry.flags & ReceptionFlag.DUE_COMPUTED:
        yield "Hạn trả do phần mềm một cửa báo."
        return
    if entry.due is None:
        yield "Phần mềm không báo hạn trả, danh mục lúc tiếp nhận cũng không cho biết: chưa biết."
        return
    yield "Phần mềm không báo hạn trả: tính theo danh mục khi tiếp nhận."
    procedure = case.registry.procedure(entry.procedure, to_date(local_day(entry.at)))
    try:
        today = case.work.owed(procedure, entry.at) if procedure else None
    except UnknownDay:
        today = None
    if procedure is None or today != entry.due:
        yield (
            "Danh mục ở đây không còn như lúc tiếp nhận; hạn đã được giữ lại từ lúc đó là "
            f"{at(entry.due)}."
        )
        return
    yield from _counted(case.work, procedure, entry.at, entry.due)


def _counted(work: WorkingTime, procedure: Procedure, received_at: int, due: int) -> Iterator[str]:
    """The days of a time limit one by one, as one would count them on a calendar."""
    if procedure.hours is not None:
        yield f"Thời hạn {procedure.hours} giờ làm việc, tính từ lúc tiếp nhận."
        yield from _days_off(work, local_day(received_at), local_day(due))
        return
    days = procedure.days or 0
    limit = "trong ngày" if days == 0 else f"{days} ngày làm việc"
    cut_off = procedure.cut_off
    yield f"Thời hạn: {limit}; giờ chốt {_clock(cut_off or work.calendar.hours[-1][1])}."
    day = local_day(received_at)
    start = work.start_of_clock(received_at, None if cut_off is None else _clock_ms(cut_off))
    if start != day:
        why = "Tiếp nhận sau giờ chốt" if work.is_working(day) else "Tiếp nhận vào ngày nghỉ"
        yield f"{why}: tính như tiếp nhận {day_told(start)}."
    if 0 < days <= _MOST_DAYS:
        counted = (work.plus_working_days(start, n) for n in range(1, days + 1))
        yield "Ngày làm việc: " + ", ".join(f"{n}. {day_told(d)}" for n, d in enumerate(counted, 1))
    yield from _days_off(work, day, local_day(due))


def _days_off(work: WorkingTime, first: int, last: int) -> Iterator[str]:
    public = holidays.country_holidays("VN", language="vi")
    off, worked = [], []
    for day in range(first, last + 1):
        on = to_date(day)
        weekend = on.weekday() >= 5
        if not work.is_working(day):
            name = public.get(on)
            why = f" ({name})" if name else "" if weekend else " (hoán đổi ngày làm việc)"
            off.append(f"{day_told(day)}{why}")
        elif weekend:
            worked.append(day_told(day))
    if off:
        yield "Không tính ngày nghỉ: " + ", ".join(off)
    if worked:
        yield "Làm bù, có tính: " + ", ".join(worked)


def _without_effect(case: Case, explained: Explanation) -> Iterator[str]:
    """Corrections that no step shows: of what is void now, and those that change nothing."""
    own = {correction.id for correction in explained.corrections}
    for correction in explained.corrections:
        said = case.said.get(correction.id, {}).get("data", {})
        about = f"Đính chính {at(correction.at)} (lý do: {said.get('reason', '?')})"
        original = case.said.get(correction.target)
        if correction.target in own:
            yield f"{about}: sửa một đính chính khác, không có tác dụng."
        elif explained.in_force.get(correction.target) is not correction:
            yield f"{about}: đã có đính chính mới hơn cho cùng sự kiện."
        elif correction.replacement is None:
            what = "chưa nhận được" if original is None else title(original)
            yield f"{about}: hủy sự kiện {said.get('corrects', {}).get('id', '?')} ({what})."


def _verdict(known: Facts) -> Iterator[str]:
    due = "chưa biết" if known.due_at is None else at(known.due_at)
    yield f"Hạn trả: {due}"
    if known.waiting_since is not None:
        yield f"Đang chờ bổ sung từ {at(known.waiting_since)}: đồng hồ đang dừng."
    if known.closed_at is None:
        yield "Chưa kết thúc."
        return
    verdict = ""
    if known.has("on_time"):
        verdict = ": đúng hạn"
    elif known.has("late"):
        verdict = ": trễ hạn"
    elif known.has("resolved"):
        verdict = ": không biết đúng hạn hay không, tính là không đúng hạn"
    yield f"Kết thúc: {at(known.closed_at)}{verdict}"


def _clock(of_day: time) -> str:
    return f"{of_day:%H:%M}"


def _clock_ms(of_day: time) -> int:
    return (of_day.hour * 60 + of_day.minute) * 60_000


def _duration(ms: int) -> str:
    hours, rest = divmod(ms // 60_000, 60)
    return f"{number(hours)} giờ {rest:02d} phút" if rest else f"{number(hours)} giờ"
