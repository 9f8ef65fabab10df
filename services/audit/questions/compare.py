"""Two tables side by side: of two periods, or of two units."""

from fractions import Fraction

from schemas.audit import Compared, ComparedRow
from schemas.report import Report, ReportRow
from services.audit.questions.of import Question


def compared(question: Question, first: Report, other: Question, second: Report) -> Compared:
    """The indicators that both tables have, in the order of the book."""
    rows = []
    for indicator in question.book.indicators:
        one = _row(first, indicator.code, question.unit)
        two = _row(second, indicator.code, other.unit)
        if one is None or two is None:
            continue
        difference = None
        if one.a and two.a:
            exact = Fraction(100 * two.b, two.a) - Fraction(100 * one.b, one.a)
            difference = round(float(exact), 2)
        rows.append(
            ComparedRow(
                indicator=indicator.code,
                row=indicator.row,
                short=indicator.short,
                a=(one.a, two.a),
                b=(one.b, two.b),
                rate=(one.rate, two.rate),
                met=(one.met, two.met),
                target=(one.target, two.target),
                difference_points=difference,
            )
        )
    return Compared(
        book=question.book.code,
        first=_told(question, first),
        second=_told(other, second),
        rows=tuple(rows),
    )


def _told(question: Question, report: Report) -> dict[str, object]:
    return {
        "unit": question.unit,
        "from": question.period.first,
        "to": question.period.last,
        "final": report.final,
    }


def _row(report: Report, indicator: str, unit: str | None) -> ReportRow | None:
    found = [row for row in report.rows if (row.indicator, row.unit) == (indicator, unit)]
    # a code that two units had in turn: the one that has it at the period's end
    return found[-1] if found else None
