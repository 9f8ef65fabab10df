"""Where documents are made: questions, formats, the office's letterhead and masks together."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from clickhouse_connect.driver.client import Client

from schemas.certificates import Certificate
from services.audit.access import OfficersSeen, Person
from services.audit.documents.answers import Asks, Prepared, Wanted, prepare
from services.audit.documents.dossiers import count_dossiers
from services.audit.documents.exports import Exports
from services.audit.documents.files import Document
from services.audit.documents.formats import Format
from services.audit.documents.letterhead import letterhead
from services.audit.documents.pinned import Pinned
from services.audit.documents.provenance import Provenance
from services.audit.pages import Pages
from services.audit.questions import judged
from services.audit.settled import Settled


@dataclass(frozen=True, slots=True)
class Desk:
    """What documents are made with."""

    asks: Asks
    pages: Pages
    exports: Exports
    newest: Callable[[], Certificate | None]
    horizon: Callable[[Client], datetime | None]
    """Answers up to then are final; None: none is."""
    secret: Callable[[], bytes]
    """Officers' masks are made of it."""

    def officers(self, masked: bool) -> OfficersSeen:
        """What may be seen of officers."""
        return OfficersSeen(masked, self.secret)

    def make(
        self, client: Client, asked: Wanted, form: Format, output: BinaryIO, person: Person
    ) -> Provenance:
        """Write a document of a report."""
        made = self._prepared(client, asked, person)
        return form.write(self._document(made), output)

    def make_list(
        self,
        client: Client,
        asked: Wanted,
        form: Format,
        output: BinaryIO,
        person: Person,
        tell: Callable[[int, int | None], None],
    ) -> Provenance:
        """Write a list of dossiers, telling how far it is."""
        made = self._prepared(client, asked, person)
        pinned = Pinned(self.asks.settled, client, made.provenance.offsets)
        total = self._counted(client, asked, pinned)
        tell(0, total)
        document = replace(self._document(made), progress=lambda rows: tell(rows, total))
        return form.write(document, output)

    def length(self, client: Client, asked: Wanted) -> int:
        """How long the list would be now."""
        return self._counted(client, asked, self.asks.settled)

    def _counted(self, client: Client, asked: Wanted, settled: Settled) -> int:
        question = asked.question
        clocks = judged(question.book, question.period, question.clocks, asked.computed_at)
        return count_dossiers(client, settled, question, clocks, asked.select)

    def _prepared(self, client: Client, asked: Wanted, person: Person) -> Prepared:
        return prepare(
            self.asks,
            client,
            asked,
            officers=self.officers(not person.may("auditor")),
            horizon=self.horizon,
            newest=self.newest(),
        )

    def _document(self, made: Prepared) -> Document:
        settings = self.asks.settings
        return Document(
            made.content,
            made.provenance,
            letterhead(settings.data, settings.installation_title),
        )
