"""The words in which the command line tells what stands in an event.

A field or a word that is missing here is told as it is written: a test names what is missing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from schemas.registry import Registry
from services.cli.case import written
from services.cli.say import number

FIELDS: Mapping[str, str] = {
    "amount_vnd": "số tiền",
    "applicant_kind": "người nộp là",
    "approved_by": "người duyệt",
    "basis": "căn cứ",
    "beyond_list": "ngoài thành phần hồ sơ quy định",
    "channel": "cách nộp",
    "claims_on_time": "phần mềm báo đúng hạn",
    "document": "văn bản",
    "due_at": "hạn trả do phần mềm báo",
    "electronic_result": "kết quả điện tử",
    "exemption": "lý do không phải số hóa",
    "items": "giấy tờ",
    "items_digitized": "đã số hóa",
    "items_total": "số thành phần",
    "new_due_at": "hạn trả mới",
    "officer": "cán bộ",
    "outcome": "kết quả",
    "paperless": "xử lý không dùng bản giấy",
    "part": "phần được số hóa",
    "payment_id": "giao dịch",
    "procedure": "thủ tục",
    "reason": "lý do",
    "result_form": "dạng kết quả",
    "room": "phòng",
    "step": "bước",
    "step_due_at": "hạn của bước",
    "way": "hình thức",
}
"""Every field of every event but those of a correction that name another event."""

VALUES: Mapping[str, Mapping[str, str]] = {
    "applicant_kind": {
        "citizen": "cá nhân",
        "business": "doanh nghiệp",
        "organisation": "tổ chức",
    },
    "basis": {"legal_extension": "gia hạn theo quy định", "apology": "xin lỗi và hẹn lại"},
    "channel": {"counter": "tại quầy", "online": "trực tuyến", "postal": "qua bưu chính"},
    "outcome": {"approved": "chấp thuận", "refused": "từ chối có lý do"},
    "part": {"application": "thành phần hồ sơ", "result": "kết quả"},
    "result_form": {"electronic": "điện tử", "paper": "bản giấy", "both": "điện tử và bản giấy"},
    "way": {
        "national_portal": "Cổng Dịch vụ công quốc gia",
        "local_gateway": "cổng thanh toán của địa phương",
        "transfer": "chuyển khoản thường",
        "cash": "tiền mặt",
        "counter": "tại quầy",
        "online": "trực tuyến",
        "postal": "qua bưu chính",
    },
}
"""The words that are the value of a field."""

_LEVELS = {"district": "huyện", "commune": "xã"}


def level_told(level: str | None) -> str:
    """A level as offices call it; data may name one that this table does not know."""
    return f"cấp {_LEVELS.get(level or '', level or '?')}"


def data_told(data: Mapping[str, Any], registry: Registry) -> str:
    """What an event says, in words; fields that say nothing are left out."""
    return "; ".join(_fields(data, registry))


def _fields(data: Mapping[str, Any], registry: Registry) -> Iterator[str]:
    for name, value in data.items():
        if value is None or name in ("corrects", "replacement"):
            continue
        yield f"{FIELDS.get(name, name)}: {_value(name, value, registry)}"


def _value(name: str, value: Any, registry: Registry) -> str:
    if isinstance(value, bool):
        return "có" if value else "không"
    if name == "amount_vnd":
        return f"{number(value)} đồng"
    if name.endswith("_at"):
        return written(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name == "procedure":
        title = registry.title(value)
        return value if title == value else f"{value} {title}"
    return VALUES.get(name, {}).get(str(value), str(value))
