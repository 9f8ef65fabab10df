"""Tells how a dossier's due moment came about, step by step, as a clerk would count it.

What follows from the events is said by ``streams.core``; here it is only put into words.
"""

from collections.abc import Iterator
from typing import Any

from services.cli.case import KIND_TITLES, Case, at, iso, named, said_of, title
from services.cli.words import data_told
from services.cli.working_days import day_by_day, duration, limit_told
from streams.core.days import local_day, to_date
from streams.core.dossier import Received, ReceptionFlag
from streams.core.explain import Explanation, Step, What, explain_due
from streams.core.facts import Facts
from streams.core.working_time import UnknownDay, WorkingTime


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
    if isinstance(step.entry, Received):
        return ""
    kept = {name: data.get(name) for name in ("document", "officer", "reason")}
    told = data_told(kept, case.registry)
    return f" ({told})" if told else ""


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
    was = "chưa nhận được" if original is None else f"báo là {title(original)}"
    yield (
        f"Theo đính chính {at(correction.at)} (người duyệt: {said.get('approved_by', '?')}; lý do: "
        f"{said.get('reason', '?')}); sự kiện gốc {was}."
    )


def _meaning(case: Case, step: Step) -> Iterator[str]:
    match step.what:
        case What.RECEIVED:
            yield from _reception(case, step)
        case What.RECEIVED_AGAIN:
            yield "Đã tiếp nhận trước đó: lần tiếp nhận đầu quyết định hạn trả."
        case What.STOPS:
            yield "Chờ người nộp bổ sung: thời gian giải quyết ngừng tính từ lúc này."
        case What.ASKED_AGAIN:
            yield "Lần bổ sung trước chưa xong: vẫn là một lần chờ."
        case What.RUNS:
            yield "Đã đủ giấy tờ: thời gian giải quyết lại được tính."
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
            yield "Mở lại: lần kết thúc trước không còn tính, hạn trả theo mọi sự kiện đến nay."
    yield from _given_back(case, step)


def _given_back(case: Case, step: Step) -> Iterator[str]:
    pause, due, before = step.pause, step.due, step.due_before
    if pause is None:
        return
    worked = "không rõ bao nhiêu giờ" if pause.worked is None else duration(pause.worked)
    yield f"Đã ngừng tính từ {at(pause.start)} đến {at(pause.end)}: {worked} làm việc."
    if pause.worked is not None:
        yield from day_by_day(case.work, pause.start, pause.end)
    if getattr(step.entry, "due", None) is not None:
        yield "Đơn vị đặt hạn trả mới khi nhận bổ sung: hạn này đã gồm thời gian chờ."
    elif before is None or due is None or pause.worked is None:
        return
    elif due == before:
        if pause.start > before:
            yield "Yêu cầu bổ sung khi hạn trả đã qua: không được trả lại thời gian."
        else:
            yield "Trong đó không có thời gian nào để trả lại."
    elif due == _later(case.work, before, pause.worked):
        yield f"Thời gian chờ được cộng vào hạn trả: {at(before)} cộng {worked} làm việc."
        yield from day_by_day(case.work, before, due)
    elif due == pause.end:
        yield "Hạn trả không thể qua trong lúc chờ: hạn là lúc hết chờ."
    else:
        yield "Hạn trả được đặt trong lúc chờ: chỉ phần chờ từ lúc đó được cộng."


def _later(work: WorkingTime, due: int, worked: int) -> int | None:
    try:
        return work.later(due, worked)
    except UnknownDay:
        return None


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
    yield from limit_told(case.work, procedure, entry.at, entry.due)


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
        since = at(known.waiting_since)
        yield f"Đang chờ bổ sung từ {since}: thời gian giải quyết đang ngừng tính."
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
