"""Sessions of browsers: a signed cookie; and how often one may guess.

The cookie says who logged in and when, and is signed with a secret of the data folder. It is worth
nothing when the account is gone or made anew, when twelve hours are over, and after logging out;
that it was ended is forgotten when the process ends.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from services.audit.access import Person
from services.audit.access_accounts import Account

COOKIE = "motcua_session"
LASTS_S = 12 * 3600
_MOST_ENDED = 10_000


class Sessions:
    """Makes and reads cookies."""

    def __init__(self, secret: Callable[[], bytes], clock: Callable[[], float]) -> None:
        self._secret, self._clock = secret, clock
        self._ended: OrderedDict[str, None] = OrderedDict()

    def begin(self, account: Account) -> str:
        """The cookie of somebody who has just logged in."""
        said = [account.name, account.id, int(self._clock()), secrets.token_hex(8)]
        body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        return f"{body}.{self._signed(body)}"

    def person(self, cookie: str, accounts: Iterable[Account]) -> Person | None:
        """Whose it is; None: nobody's any more."""
        body, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signed(body).encode()):
            return None
        try:
            name, account_id, since, nonce = json.loads(base64.urlsafe_b64decode(body))
        except (ValueError, binascii.Error):
            return None
        if not 0 <= self._clock() - since < LASTS_S or nonce in self._ended:
            return None
        account = next((a for a in accounts if (a.name, a.id) == (name, account_id)), None)
        return account.person("session", nonce) if account else None

    def end(self, person: Person) -> None:
        """Logged out."""
        self._ended[person.nonce] = None
        while len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def form_token(self, person: Person) -> str:
        """What a form of this session carries, so that no other site can send one."""
        return self._signed(f"form {person.nonce}") if person.way == "session" else ""

    def fits(self, person: Person, token: str) -> bool:
        """Whether a form came from a page of ours."""
        wanted = self.form_token(person)
        return hmac.compare_digest(wanted.encode(), token.encode("utf-8", "replace"))

    def _signed(self, text: str) -> str:
        return hmac.new(self._secret(), text.encode(), hashlib.sha256).hexdigest()


class Guesses:
    """Counts wrong answers, by where they come from; forgets them after a while."""

    def __init__(
        self, clock: Callable[[], float], most: int = 5, within_s: float = 900, kept: int = 10_000
    ) -> None:
        self._clock, self._most, self._within_s, self._kept = clock, most, within_s, kept
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, who: str) -> int:
        """Seconds until another answer is heard; 0: now."""
        wrong = self._recent(who)
        if len(wrong) < self._most:
            return 0
        return max(1, int(wrong[0] + self._within_s - self._clock()) + 1)

    def wrong(self, who: str) -> None:
        """Another wrong answer."""
        self._recent(who).append(self._clock())
        self._wrong.move_to_end(who)
        while len(self._wrong) > self._kept:
            self._wrong.popitem(last=False)

    def right(self, who: str) -> None:
        """The right one: those before were slips."""
        self._wrong.pop(who, None)

    def _recent(self, who: str) -> deque[float]:
        found = self._wrong.setdefault(who, deque(maxlen=self._most))
        while found and self._clock() - found[0] >= self._within_s:
            found.popleft()
        return found
