"""The invented offices of the simulated district: how large they are and how they work.

All of it is made up so that a demonstration looks like a district: some units are better than
others, most indicators are met, one is missed clearly and one narrowly. None of it says anything
about a real office.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.registry import Procedure, Unit


@dataclass(frozen=True, slots=True)
class Office:
    """A unit against the others of its level: 1 is the average."""

    size: float = 5.0
    """Share of the district's dossiers, in any measure."""
    online: float = 1.0
    digital: float = 1.0
    late: float = 1.0
    staff: int = 2
    old_software: bool = False
    """It still sends results as the language's first version had them."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Likelihoods at the units of a level."""

    online_full: float
    """Filed online, where all of a procedure can be done online."""
    online_partial: float
    paperless: float
    """Of those filed online, handled without any paper."""
    digitised: float
    electronic_result: float
    """Of those with a digitised application."""
    pays_online: float
    """Of those filed online that owe a fee."""
    pays_online_at_counter: float
    late: float


HABITS = {
    "commune": Habits(
        online_full=0.635,
        online_partial=0.07,
        paperless=0.92,
        digitised=0.745,
        electronic_result=0.25,
        pays_online=0.37,
        pays_online_at_counter=0.012,
        late=0.009,
    ),
    "district": Habits(
        online_full=0.665,
        online_partial=0.08,
        paperless=0.92,
        digitised=0.745,
        electronic_result=0.41,
        pays_online=0.4,
        pays_online_at_counter=0.02,
        late=0.030,
    ),
}

OFFICES = {
    "23500": Office(size=26, online=1.1, digital=1.1, late=0.7, staff=6),
    "23503": Office(size=4, online=0.75, digital=0.6, late=2.2),
    "23504": Office(size=4, online=0.7, digital=0.5, late=1.4),
    "23506": Office(size=7, online=0.95, digital=1.0, late=0.9, staff=3),
    "23509": Office(size=5, online=0.8, digital=0.8, late=3.0),
    "23510": Office(size=7, online=1.05, digital=1.1, late=0.8, staff=3),
    "23512": Office(size=9, online=1.15, digital=1.2, late=0.5, staff=3),
    "23515": Office(size=5, online=0.9, digital=0.9, late=1.2),
    "23518": Office(size=3, online=0.6, digital=0.4, late=1.9, old_software=True),
    "23521": Office(size=10, online=1.1, digital=1.3, late=0.4, staff=4),
    "23524": Office(size=6, online=0.95, digital=0.9, late=0.9, staff=3),
    "dh-tckh": Office(size=9, online=1.05, digital=1.1, late=0.6, staff=4),
    "dh-ktht": Office(size=4, online=0.9, digital=0.8, late=2.2, staff=3),
    "dh-tp": Office(size=1, digital=0.7, late=1.0),
    "dh-vp": Office(size=2, online=0.9, digital=0.9, late=0.9),
}

DESKS = {
    "dh-tckh": ("1.001612", "2.000720"),
    "dh-ktht": ("1.009122",),
    "dh-tp": ("2.000806",),
    "dh-vp": ("1.001612", "1.009122"),
    # the catalogue of the demonstration holds nothing for these departments
    "dh-nv": (),
    "dh-tnmt": (),
    "dh-ldtbxh": (),
    "dh-vhtt": (),
    "dh-gddt": (),
    "dh-yt": (),
    "dh-tt": (),
    "dh-nnptnt": (),
    "dh-dt": (),
}
"""Departments take what is theirs; a unit that is not here takes everything of its level."""

DEMAND = {
    "1.001193": 12.0,
    "1.000656": 4.0,
    "1.000894": 5.0,
    "1.004873": 6.0,
    "1.004884": 2.0,
    "1.004859": 2.0,
    "2.000635": 8.0,
    "2.000815": 38.0,
    "2.000884": 22.0,
    "2.001019": 1.0,
    "1.001612": 45.0,
    "2.000720": 22.0,
    "1.009122": 25.0,
    "2.000806": 4.0,
}
"""How often people need each procedure; certified copies are what an office is full of."""

NEVER_PAID_ONLINE = frozenset({"1.004859", "1.004884", "1.009122"})
"""Online payment is deployed for these, and nobody has used it yet: row III.1 lives from them."""

REASONS = {
    "rejected": ("không thuộc thẩm quyền", "thành phần hồ sơ không hợp lệ", "nộp trùng"),
    "withdrawn": ("theo yêu cầu của người nộp", "không còn nhu cầu"),
    "stopped": ("quá thời hạn bổ sung giấy tờ", "chờ kết quả của cơ quan khác"),
    "reopened": ("kết quả có sai sót, cấp lại",),
    "supplement_requested": (
        "thiếu giấy tờ theo quy định",
        "bản chụp không rõ",
        "khai chưa đủ mục",
    ),
    "corrected": ("nhập nhầm", "nhập hai lần", "chọn sai dòng"),
    "fee_waived": ("hộ nghèo", "người có công", "trẻ em dưới 6 tuổi"),
}


PAPERS = (
    "Tờ khai theo mẫu",
    "Giấy chứng sinh",
    "Giấy chứng nhận kết hôn",
    "Giấy tờ về đất",
    "Hợp đồng thuê địa điểm",
)
PAPERS_BEYOND_THE_LIST = ("Xác nhận của thôn", "Bản sao có chứng thực thêm")
"""Not in any procedure's list: what the decision forbids to ask for."""

STEPS = (
    ("Thẩm định", "Bộ phận chuyên môn"),
    ("Trình ký", "Văn phòng"),
    ("Phát hành", "Văn thư"),
)
"""(step, room) in their order."""


def procedures_at(unit: Unit, catalogue: Iterable[Procedure]) -> tuple[Procedure, ...]:
    """What people can bring to this unit."""
    own = DESKS.get(unit.code)
    return tuple(
        procedure
        for procedure in catalogue
        if procedure.level == unit.level and (own is None or procedure.code in own)
    )
