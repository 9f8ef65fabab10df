"""What can be asked of the history: one typed function for each question, its SQL in ``sql``."""

from services.audit.questions.anomalies import AnomalousDossier, anomalous
from services.audit.questions.balances import balances
from services.audit.questions.changes import DoesNotAddUp, changes_between
from services.audit.questions.figures import ANOMALIES, Figures, counts_of_figures, figures
from services.audit.questions.of import Question, Source, judged
from services.audit.questions.recounts import Recount, counted_in, positions, recount, unseen
from services.audit.questions.table import report
from services.audit.questions.timeline import (
    DossierEvent,
    DossierFacts,
    DossierHistory,
    dossier_history,
)

__all__ = [
    "ANOMALIES",
    "AnomalousDossier",
    "DoesNotAddUp",
    "DossierEvent",
    "DossierFacts",
    "DossierHistory",
    "Figures",
    "Question",
    "Recount",
    "Source",
    "anomalous",
    "balances",
    "changes_between",
    "counted_in",
    "counts_of_figures",
    "dossier_history",
    "figures",
    "judged",
    "positions",
    "recount",
    "report",
    "unseen",
]
