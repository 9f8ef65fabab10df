"""What ``motcua verify`` says of a certificate, and its exit code."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.cli.say import NOT_SO, NOT_YET, VIETNAM, number


def exit_code(certificate: Mapping[str, Any]) -> int:
    """0: equal; 1: something differs; 4: nothing differs, and some is not compared yet."""
    if certificate.get("equal") is True:
        return 0
    return NOT_YET if certificate.get("state") == "waiting" else NOT_SO


def is_too_old(certificate: Mapping[str, Any], age_s: float, max_age_s: float | None) -> bool:
    """Older than asked for, else than the certificate itself promises a newer one."""
    limit = certificate.get("next_within_s") if max_age_s is None else max_age_s
    return limit is not None and age_s > limit


def told(certificate: Mapping[str, Any]) -> str:
    """In words."""
    code = exit_code(certificate)
    words = {0: "Khớp / equal", NOT_SO: "KHÁC NHAU / not equal", NOT_YET: "ĐANG CHỜ / waiting"}
    compared, units = certificate.get("units_compared", 0), certificate.get("units", 0)
    lines = [f"{words[code]}: {number(compared)}/{number(units)} đơn vị / units"]
    if moment := certificate.get("compared_at"):
        at = datetime.fromisoformat(moment).astimezone(VIETNAM)
        lines.append(f"  đối chiếu lúc {at:%H:%M:%S %d/%m/%Y} / compared at")
    if behind := certificate.get("history_behind"):
        lines.append(f"  lịch sử chậm {number(behind)} bản ghi / the history is behind")
    lines += [
        f"  {json.dumps(difference, ensure_ascii=False)}"
        for difference in certificate.get("differences", [])
    ]
    if sha256 := certificate.get("sha256"):
        lines.append(f"  sha256 {sha256}")
    return "\n".join(lines)
