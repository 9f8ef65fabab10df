"""What auditors look for: checks as data (``forensics.toml``), a statement for each."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.audit import Check, Checks, Finding, Findings
from services.audit.questions.lists import Cursor, clocks_told, unit_name
from services.audit.questions.of import Opened, Question, Source, midnight_ms, opened
from services.audit.questions.table import report
from services.audit.settled import bound_moment
from streams.core.days import moment

MOST_RANKED = 1000
"""Lines of a ranking; who is behind them is no news."""
MOST_COUNTED = 1000
BALANCE = "balance"


class CheckLine(BaseModel):
    """A line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    title: str
    title_en: str
    definition: str
    """Names its thresholds in braces."""
    definition_en: str
    basis: str
    of: Literal["dossier", "officer", "unit", "emitter"]
    columns: tuple[str, ...]
    thresholds: Mapping[str, int | str] = Field({})

    def told(self) -> Check:
        """As it is answered, thresholds put into the definition."""
        heads = {"officer": ("Cán bộ",), "emitter": ("Phần mềm",)}
        return Check(
            code=self.code,
            title=self.title,
            title_en=self.title_en,
            definition=self.definition.format(**self.thresholds),
            definition_en=self.definition_en.format(**self.thresholds),
            basis=self.basis,
            thresholds=dict(self.thresholds),
            columns=(*heads.get(self.of, ()), *self.columns),
        )


class _File(BaseModel):
    checks: tuple[CheckLine, ...] = Field(alias="check")


@cache
def checks() -> Mapping[str, CheckLine]:
    """The checks by their codes, in the order of the file."""
    text = (resources.files("services.audit") / "forensics.toml").read_text("utf-8")
    return {line.code: line for line in _File.model_validate(tomllib.loads(text)).checks}


def findings(
    source: Source, question: Question, line: CheckLine, *, after: Cursor, page: int
) -> Findings:
    """The next ``page`` findings of the period; of a ranking the first ones."""
    if line.code == BALANCE:
        rows, more = _unbalanced(source, question), False
    else:
        limit = page if line.of == "dossier" else min(page, MOST_RANKED)
        with opened(source, question) as here:
            found = _ask(here, question, line, after, limit + 1)
        more = line.of == "dossier" and len(found) > limit
        rows = [_finding(source, line, row) for row in found[:limit]]
    last = rows[-1] if more else None
    return Findings(
        check=line.told(),
        first=question.period.first,
        last=question.period.last,
        findings=tuple(rows),
        after=Cursor(0, last.unit, last.dossier or "").text() if last else None,
        **clocks_told(question.clocks),
    )


def all_checks(source: Source, question: Question) -> Checks:
    """Every check with how many it finds; beyond ``MOST_COUNTED`` it is not counted on."""
    found: dict[str, int | None] = {BALANCE: len(_unbalanced(source, question))}
    with opened(source, question) as here:
        for code, line in checks().items():
            if code != BALANCE:
                n = len(_ask(here, question, line, Cursor(), MOST_COUNTED + 1))
                found[code] = n if n <= MOST_COUNTED else None
    return Checks(
        checks=tuple(line.told() for line in checks().values()),
        found=found,
        most=MOST_COUNTED,
        **clocks_told(question.clocks),
    )


def _ask(
    here: Opened, question: Question, line: CheckLine, after: Cursor, limit: int
) -> Sequence[Sequence[Any]]:
    if not here.of.asked.offsets:
        return []
    begin = midnight_ms(question.period.first)
    end = midnight_ms(question.period.last + timedelta(days=1))
    return here.of.query(
        f"forensics/{line.code}",
        **here.of.asked.bound(here.clocks),
        begin=bound_moment(moment(max(begin, 0))),
        end=bound_moment(moment(end)),
        at=bound_moment(here.at),
        after_unit=after.unit,
        after_key=after.dossier,
        page=limit,
        **line.thresholds,
    )


def _finding(source: Source, line: CheckLine, row: Sequence[Any]) -> Finding:
    unit, key, *values = row
    of_dossier = line.of == "dossier"
    head = [] if of_dossier or line.of == "unit" else [key]
    return Finding(
        unit=unit,
        unit_name=unit_name(source, unit, None),
        dossier=key if of_dossier else None,
        values=tuple(map(_value, (*head, *values))),
    )


def _value(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _unbalanced(source: Source, question: Question) -> list[Finding]:
    table = report(
        *source[:2],
        question.book,
        source.registry,
        question.period,
        question.unit,
        officer=question.officer,
        lineage=question.lineage,
        clocks=question.clocks,
        demo=False,
        computed_at=source.asked_at,
    )
    return [
        Finding(
            unit=row.unit,
            unit_name=row.unit_name or row.unit,
            dossier=None,
            values=(row.left, row.right, row.difference),
        )
        for row in table.balance
        if row.unit is not None and row.difference
    ]
