"""The closed sets of words that events use, with the national portal's numbers they come from."""

from enum import StrEnum
from typing import Literal


class Channel(StrEnum):
    """How a dossier was filed (KenhThucHien: 1 or empty, 2, 3)."""

    COUNTER = "counter"
    ONLINE = "online"
    POSTAL = "postal"


class ApplicantKind(StrEnum):
    """Who applies. Nothing more is known of an applicant: no personal data in events."""

    CITIZEN = "citizen"
    BUSINESS = "business"
    ORGANISATION = "organisation"


class DossierPart(StrEnum):
    """What was digitised: the papers of the application, or the result."""

    APPLICATION = "application"
    RESULT = "result"


class PaymentWay(StrEnum):
    """How money moved. Only the first two are online payments in the sense of the decision."""

    NATIONAL_PORTAL = "national_portal"
    LOCAL_GATEWAY = "local_gateway"
    TRANSFER = "transfer"
    CASH = "cash"


class Outcome(StrEnum):
    """A resolved dossier was approved, or refused with a reason; both are results issued."""

    APPROVED = "approved"
    REFUSED = "refused"


class ResultForm(StrEnum):
    """In which form a result was issued."""

    ELECTRONIC = "electronic"
    PAPER = "paper"
    BOTH = "both"


class DueBasis(StrEnum):
    """Why a due moment was moved: only the law's own extension moves it for our verdict."""

    LEGAL_EXTENSION = "legal_extension"
    APOLOGY = "apology"


class ReturnWay(StrEnum):
    """How the result reached the applicant (HinhThuc)."""

    COUNTER = "counter"
    ONLINE = "online"
    POSTAL = "postal"


class ServiceLevel(StrEnum):
    """What of a procedure can be done online: nothing, a part (một phần), all (toàn trình)."""

    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"


Measure = Literal["received", "closed", "paid"]
"""What a cell of the counters counts on its day: see ``streams.core.cells``."""

Role = Literal["viewer", "auditor", "administrator"]
"""Who asks the audit; each may what those before may."""
