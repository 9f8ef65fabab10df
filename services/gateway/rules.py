"""The one table of reasons to refuse an event, in both languages, and how pydantic's map to it.

A rule is a line here; its code is stable, for scripts. Texts say what is wrong and what would be
right, and never repeat what was sent: that could be anything, personal data included.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic_core import ErrorDetails

from schemas.events import EVENTS, KIND_OF_TYPE
from schemas.problems import FieldError
from schemas.text import mask_personal


class Rule(NamedTuple):
    """``en`` and ``vi`` are format strings over the details of the case."""

    code: str
    status: int
    en: str
    vi: str


_RULES = (
    # -- the request
    Rule(
        "key_missing",
        401,
        "Send the emitter's key: Authorization: Bearer mc_… (made by «motcua emitter add»).",
        "Gửi khóa của phần mềm: Authorization: Bearer mc_… (tạo bằng «motcua emitter add»).",
    ),
    Rule(
        "key_wrong",
        401,
        "No emitter has this key. Check it, or have a new one made by «motcua emitter add».",
        "Không phần mềm nào có khóa này. Kiểm tra lại, hoặc tạo khóa mới bằng "
        "«motcua emitter add».",
    ),
    Rule(
        "content_type",
        415,
        "Send application/cloudevents+json (one event) or application/cloudevents-batch+json, "
        "in UTF-8, not compressed.",
        "Gửi application/cloudevents+json (một sự kiện) hoặc application/cloudevents-batch+json, "
        "mã UTF-8, không nén.",
    ),
    Rule(
        "body_too_large",
        413,
        "The body is larger than {limit} bytes. Send smaller batches.",
        "Nội dung lớn hơn {limit} byte. Hãy chia thành các lô nhỏ hơn.",
    ),
    Rule(
        "body_too_slow",
        408,
        "The body did not arrive within {limit} s. Send it again.",
        "Nội dung không tới trong {limit} giây. Hãy gửi lại.",
    ),
    Rule(
        "batch_too_long",
        413,
        "The batch has more than {limit} events. Send smaller batches.",
        "Lô có hơn {limit} sự kiện. Hãy chia thành các lô nhỏ hơn.",
    ),
    Rule(
        "batch_empty",
        422,
        "The batch is empty. Send at least one event.",
        "Lô rỗng. Hãy gửi ít nhất một sự kiện.",
    ),
    Rule(
        "batch_expected",
        400,
        "This content type carries a JSON array of events.",
        "Kiểu nội dung này phải là một mảng JSON các sự kiện.",
    ),
    Rule(
        "json_invalid",
        400,
        "The body is not valid JSON in UTF-8.",
        "Nội dung không phải JSON hợp lệ theo UTF-8.",
    ),
    Rule(
        "too_many_waiting",
        429,
        "More events wait for Kafka than this gateway holds. Try again in a moment.",
        "Đang có quá nhiều sự kiện chờ Kafka. Hãy thử lại sau giây lát.",
    ),
    Rule(
        "kafka_away",
        503,
        "Kafka has not acknowledged. Send the same events again, all of them, with the same ids: "
        "whatever was stored already counts once.",
        "Kafka chưa xác nhận. Hãy gửi lại toàn bộ các sự kiện này với đúng id cũ: sự kiện đã lưu "
        "chỉ được tính một lần.",
    ),
    # -- rights and registry
    Rule(
        "unit_not_yours",
        403,
        "This key may not write for this unit. Use the key bound to it, or have the unit added.",
        "Khóa này không được ghi cho đơn vị này. Dùng khóa của đơn vị, hoặc yêu cầu thêm đơn vị.",
    ),
    Rule(
        "unit_unknown",
        422,
        "No unit has this code on the day of the event. Correct the code or the time, or add the "
        "unit to the registry.",
        "Không có đơn vị nào mang mã này vào ngày của sự kiện. Sửa mã hoặc thời điểm, hoặc thêm "
        "đơn vị vào danh mục.",
    ),
    Rule(
        "time_in_future",
        422,
        "More than 24 hours ahead of our clock. Check the emitter's clock and time zone.",
        "Sau đồng hồ của hệ thống hơn 24 giờ. Kiểm tra đồng hồ và múi giờ của phần mềm.",
    ),
    Rule(
        "corrects_itself",
        422,
        "A correction cannot correct itself. Name source and id of the original event, and give "
        "the correction an id of its own.",
        "Đính chính không thể đính chính chính nó. Ghi source và id của sự kiện gốc, và đặt cho "
        "đính chính một id riêng.",
    ),
    Rule(
        "attribute_reserved",
        422,
        "Only the gateway sets this attribute. Leave it out.",
        "Thuộc tính này do cổng tiếp nhận đặt. Hãy bỏ đi.",
    ),
    # -- the event's form
    Rule(
        "too_deep",
        422,
        "Nested deeper than {limit} levels.",
        "Lồng nhau quá {limit} cấp.",
    ),
    Rule("missing", 422, "Required and missing.{hint_en}", "Bắt buộc nhưng thiếu.{hint_vi}"),
    Rule(
        "extra_forbidden",
        422,
        "No such field in this event. Leave it out; check its spelling.",
        "Sự kiện này không có trường như vậy. Hãy bỏ đi hoặc sửa tên trường.",
    ),
    Rule(
        "type_unknown",
        422,
        "No such event. One of: {expected}.",
        "Không có loại sự kiện này. Một trong: {expected}.",
    ),
    Rule(
        "replacement_unknown",
        422,
        "Nothing that could stand in the place of an event. A correction is replaced by correcting "
        "the original once more. One of: {expected}.",
        "Không phải sự kiện có thể thay thế. Muốn sửa một đính chính thì đính chính lại sự kiện "
        "gốc. Một trong: {expected}.",
    ),
    Rule("value_unknown", 422, "Must be one of: {expected}.", "Phải là một trong: {expected}."),
    Rule("pattern", 422, "Does not have the required form.{hint_en}", "Sai định dạng.{hint_vi}"),
    Rule(
        "too_long",
        422,
        "Longer than {max_length} characters.",
        "Dài hơn {max_length} ký tự.",
    ),
    Rule(
        "too_short",
        422,
        "Empty or shorter than {min_length} characters.{hint_en}",
        "Trống hoặc ngắn hơn {min_length} ký tự.{hint_vi}",
    ),
    Rule("text_expected", 422, "Must be text.{hint_en}", "Phải là chuỗi ký tự.{hint_vi}"),
    Rule(
        "whole_number_expected",
        422,
        "Must be a whole number, without quotes.{hint_en}",
        "Phải là số nguyên, không đặt trong dấu nháy.{hint_vi}",
    ),
    Rule(
        "yes_or_no_expected",
        422,
        "Must be true or false, without quotes.",
        "Phải là true hoặc false, không đặt trong dấu nháy.",
    ),
    Rule("list_expected", 422, "Must be a JSON array.", "Phải là một mảng JSON."),
    Rule(
        "list_too_short",
        422,
        "Has fewer than {min_length} items.{hint_en}",
        "Có ít hơn {min_length} mục.{hint_vi}",
    ),
    Rule("list_too_long", 422, "Has more than {max_length} items.", "Có hơn {max_length} mục."),
    Rule("object_expected", 422, "Must be a JSON object.", "Phải là một đối tượng JSON."),
    Rule("too_small", 422, "Must be {bound} or more.", "Phải từ {bound} trở lên."),
    Rule("too_great", 422, "Must be {bound} or less.", "Không được vượt quá {bound}."),
    Rule(
        "moment_expected",
        422,
        "Not a moment. Write RFC 3339: 2023-02-10T08:30:00+07:00.",
        "Không phải thời điểm. Viết theo RFC 3339: 2023-02-10T08:30:00+07:00.",
    ),
    Rule(
        "zone_missing",
        422,
        "The moment has no time zone. Write 2023-02-10T08:30:00+07:00, or Z for UTC.",
        "Thời điểm thiếu múi giờ. Viết 2023-02-10T08:30:00+07:00, hoặc Z nếu là UTC.",
    ),
    Rule(
        "moment_out_of_range",
        422,
        "Must lie between 1970 and 2199.",
        "Phải nằm trong khoảng từ năm 1970 đến năm 2199.",
    ),
    Rule(
        "control_characters",
        422,
        "Control characters are not allowed. Remove them.",
        "Không được có ký tự điều khiển. Hãy bỏ đi.",
    ),
    Rule(
        "personal_data",
        422,
        "Looks like personal data (name, e-mail, telephone or identity number), which events never "
        "carry. Use a code, with a prefix where it is only digits. It was not kept.",
        "Có vẻ là dữ liệu cá nhân (họ tên, thư điện tử, số điện thoại, số định danh); sự kiện "
        "không được chứa. Dùng mã, thêm tiền tố nếu chỉ gồm chữ số. Nội dung này không được lưu.",
    ),
    Rule(
        "invalid",
        422,
        "Not valid here. See the description of the event.{hint_en}",
        "Không hợp lệ. Xem mô tả của sự kiện.{hint_vi}",
    ),
)

RULES: Mapping[str, Rule] = {rule.code: rule for rule in _RULES}

_RULE_OF_PYDANTIC = {
    "missing": "missing",
    "extra_forbidden": "extra_forbidden",
    "union_tag_invalid": "type_unknown",
    "union_tag_not_found": "missing",
    "enum": "value_unknown",
    "literal_error": "value_unknown",
    "string_pattern_mismatch": "pattern",
    "string_too_long": "too_long",
    "string_too_short": "too_short",
    "string_type": "text_expected",
    "string_unicode": "text_expected",
    "tuple_type": "list_expected",
    "too_short": "list_too_short",
    "too_long": "list_too_long",
    "int_type": "whole_number_expected",
    "int_parsing": "whole_number_expected",
    "int_parsing_size": "whole_number_expected",
    "int_from_float": "whole_number_expected",
    "bool_type": "yes_or_no_expected",
    "bool_parsing": "yes_or_no_expected",
    "model_type": "object_expected",
    "model_attributes_type": "object_expected",
    "dict_type": "object_expected",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_great",
    "less_than_equal": "too_great",
    "datetime_type": "moment_expected",
    "datetime_parsing": "moment_expected",
    "datetime_object_invalid": "moment_expected",
    "datetime_from_date_parsing": "moment_expected",
    "timezone_aware": "zone_missing",
    # ours, raised in schemas
    "moment_out_of_range": "moment_out_of_range",
    "control_characters": "control_characters",
    "personal_data": "personal_data",
}

HINTS: Mapping[str, tuple[str, str]] = {
    "id": ("unique within the source; a retry repeats it", "duy nhất trong source; gửi lại giữ id"),
    "source": (
        "URI of the sending system, such as https://motcua.example.vn",
        "URI của phần mềm gửi, ví dụ https://motcua.example.vn",
    ),
    "type": (f"such as {EVENTS[1].type}", f"ví dụ {EVENTS[1].type}"),
    "subject": ("the dossier's code", "mã hồ sơ"),
    "time": (
        "when it happened, such as 2023-02-10T08:30:00+07:00",
        "thời điểm xảy ra, ví dụ 2023-02-10T08:30:00+07:00",
    ),
    "unit": ("code of the receiving unit, such as 23500", "mã đơn vị tiếp nhận, ví dụ 23500"),
    "data": ("an object with the event's own fields", "đối tượng chứa các trường của sự kiện"),
    "data.procedure": ("national code, such as 1.001193", "mã TTHC quốc gia, ví dụ 1.001193"),
    "data.officer": (
        "a staff code of letters, digits, «.», «_» and «-», never a name",
        "mã cán bộ gồm chữ không dấu, số, «.», «_» và «-», không phải họ tên",
    ),
    "data.payment_id": (
        "the payment's code of letters, digits and «._:/-»",
        "mã giao dịch gồm chữ không dấu, số và «._:/-»",
    ),
    "data.amount_vnd": ("đồng, such as 8000", "số đồng, ví dụ 8000"),
    "data.new_due_at": (
        "the due moment with its hour, such as 2023-02-15T17:00:00+07:00",
        "hạn trả có cả giờ, ví dụ 2023-02-15T17:00:00+07:00",
    ),
    "data.document": ("number of the document", "số văn bản"),
    "data.items": (
        "names of the papers asked for, without names of people",
        "tên giấy tờ cần bổ sung, không nêu họ tên",
    ),
    "data.approved_by": (
        "staff code of who approved the correction",
        "mã cán bộ duyệt đính chính",
    ),
    "data.corrects": (
        "source and id of the original event",
        "source và id của sự kiện gốc",
    ),
    "data.replacement": (
        "type, time and data that the original should have had; leave it out to void the original",
        "type, time và data đúng của sự kiện gốc; bỏ trống nếu hủy sự kiện gốc",
    ),
    "data.reason": ("why, in a few words, without names", "lý do ngắn gọn, không nêu họ tên"),
}
"""What would be right, for fields where the rule alone does not say it: (English, Vietnamese)."""


def broken(code: str, field: str, **details: object) -> FieldError:
    """One rule that one field breaks."""
    rule = RULES[code]
    hint_en, hint_vi = HINTS.get(own_field(field), ("", ""))
    details = {
        **details,
        "hint_en": f" Expected: {hint_en}." if hint_en else "",
        "hint_vi": f" Cần: {hint_vi}." if hint_vi else "",
    }
    return FieldError(
        field=field,
        rule=code,
        message=rule.en.format(**details),
        message_vi=rule.vi.format(**details),
    )


def translated(errors: Iterable[ErrorDetails]) -> tuple[FieldError, ...]:
    """What pydantic found wrong with one event."""
    found = tuple(_translated(error) for error in errors)
    # a list whose items are wrong is called too short as well: it would be right with them mended
    within = {error.field.rpartition(".")[0] for error in found}
    return tuple(e for e in found if e.rule != "list_too_short" or e.field not in within)


def _translated(error: ErrorDetails) -> FieldError:
    kind, context = error["type"], error.get("ctx", {})
    code = _RULE_OF_PYDANTIC.get(kind, "invalid")
    field = field_of(error)
    if kind.startswith("union_tag"):
        # pydantic names the object whose type it did not find
        if field:
            code = "replacement_unknown" if code == "type_unknown" else code
        field = f"{field}.type" if field else "type"
    return broken(code, field, **_details(context))


def own_field(field: str) -> str:
    """The field's path within its own event: a replacement has the fields of what it replaces."""
    return field.removeprefix("data.replacement.")


def field_of(error: ErrorDetails) -> str:
    """Path of the field. The tags of unions are no part of it: they are not in what was sent."""
    parts = [str(part) for part in error["loc"][1:]]
    if parts[:2] == _REPLACEMENT and len(parts) > 2 and parts[2] in KIND_OF_TYPE:
        del parts[2]
    # the sender chose the names of unknown fields
    return ".".join(mask_personal(part) for part in parts)


_REPLACEMENT = ["data", "replacement"]


def _details(context: Mapping[str, Any]) -> dict[str, object]:
    if "expected_tags" in context:
        # today's and older ones; quoted by pydantic
        return {"expected": context["expected_tags"].replace("'", "")}
    bound = next((context[b] for b in ("gt", "ge", "lt", "le") if b in context), None)
    if "gt" in context:
        bound = context["gt"] + 1
    elif "lt" in context:
        bound = context["lt"] - 1
    expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    return {**context, "expected": expected, "bound": bound}
