"""A district's own book in a whole installation: every part answers by it, under one name."""

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2
import pytest
from kafka import KafkaProducer
from typer.testing import CliRunner

from schemas.topics import EVENTS
from services.cli.main import app
from tests.support import kafka, services
from tests.support.histories import DOSSIER, admitted, received, resolved
from tests.support.kafka import eventually
from tests.support.workers import WorkerProcess

SHIPPED = (resources.files("schemas") / "books_data" / "dak-ha-2023.toml").read_text("utf-8")
OWN = (
    SHIPPED.replace('code = "dak-ha-2023"', 'code = "own"')
    .replace('title = "Chỉ tiêu thủ tục', 'title = "Riêng: thủ tục')
    .replace('percent = "95"', 'percent = "50"')
)
YEAR = ("--from", "2023-01-01", "--to", "2023-12-31")
ON_TIME, LATE = 3, 2


@pytest.fixture(scope="module")
def there(
    kafka_broker: kafka.RunningBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[services.Service]:
    """Worker, front and history on real Kafka and chDB, with the own book as the wall's."""
    folder = tmp_path_factory.mktemp("own")
    data, port = folder / "data", kafka.free_ports(5)
    (data / "books").mkdir(parents=True)
    (data / "books" / "own.toml").write_text(OWN, "utf-8")
    broker, prefix = kafka_broker.bootstrap, kafka_broker.fresh_prefix()
    _send(broker, prefix)
    own: dict[str, Any] = {"book": "own"}
    with (
        WorkerProcess(broker, prefix, folder) as worker,
        services.running("services.front", data, port, broker, prefix, **own) as front,
        services.running("services.history", data, port, broker, prefix, **own),
    ):
        worker.start_and_wait()
        eventually(lambda: _dossiers(front.url, port) == (5, 5), 60, "both sides have them all")
        yield front


def _send(broker: str, prefix: str) -> None:
    producer = KafkaProducer(bootstrap_servers=broker, acks="all")
    for n in range(ON_TIME + LATE):
        dossier = DOSSIER if n == 0 else f"23500-{n}"
        done = "2023-02-10T16:00" if n < ON_TIME else "2023-02-10T18:00"
        for said in (received(dossier=dossier), resolved(done, dossier=dossier)):
            producer.send(EVENTS.full_name(prefix), key=b"23500", value=admitted(said))
    producer.flush()
    producer.close()


def _dossiers(front: str, port: int) -> tuple[int | None, int | None]:
    query = {"from": "2023-01-01", "to": "2023-12-31"}
    found = []
    for address in (f"{front}/api/v1/units", f"http://127.0.0.1:{port + 1}/api/v1/report"):
        try:
            answer = httpx2.get(address, params=query, trust_env=False, timeout=20)
            found.append(answer.json().get("dossiers"))
        except httpx2.TransportError:
            found.append(None)
    return found[0], found[1]


def motcua(there: services.Service, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "--url", there.url])
    assert result.exit_code == 0, result.output
    return result.stdout


def on_time(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return next(r for r in rows if (r["unit"], r["indicator"]) == ("23500", "on_time_commune"))


def test_report_and_units_answer_by_the_own_book_and_agree(there: services.Service) -> None:
    """60 % on time is enough for the own book, and not for the decision's."""
    for book, target, met in (("own", 50, True), ("dak-ha-2023", 95, False)):
        asked = (*YEAR, "--book", book, "--json")
        live, history = (json.loads(motcua(there, c, *asked)) for c in ("units", "report"))
        assert (live["book"], live["rows"]) == (book, history["rows"])
        row = on_time(live["rows"])
        assert (row["a"], row["b"]) == (ON_TIME + LATE, ON_TIME)
        assert (row["target"], row["met"]) == (target, met)


def test_the_wall_shows_the_own_book(there: services.Service) -> None:
    """``MOTCUA_BOOK`` names it, and the front starts with it."""
    answer = httpx2.get(
        f"{there.url}/api/wall/snapshot", params={"period": "2023"}, trust_env=False
    )
    view = answer.json()["view"]
    assert view["book_title"].startswith("Riêng")
    shown = next(i for i in view["indicators"] if i["code"] == "on_time_commune")
    assert (shown["target"], shown["met"]) == ([50, 1], True)


def test_outlook_names_the_unit_and_takes_the_own_book(there: services.Service) -> None:
    asked = ("outlook", "--year", "2023", "--book", "own")
    assert "Thị trấn Đắk Hà (23500" in motcua(there, *asked)
    rows = json.loads(motcua(there, *asked, "--json"))["rows"]
    assert (on_time(rows)["target"], on_time(rows)["unit_name"]) == (50, "Thị trấn Đắk Hà")


def test_a_dossier_is_explained_by_the_own_book(
    there: services.Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its events are told in words, as the audit really answers them."""
    monkeypatch.setenv("MOTCUA_DATA", str(there.data))
    asked = ("explain", "IV.2", "--dossier", DOSSIER, "--book", "own")
    assert "b (tử số): CÓ tính hồ sơ này" in motcua(there, *asked)
    told = motcua(there, "events", "show", DOSSIER)
    assert "thứ Sáu 10/02/2023 16:00  Có kết quả" in told
    assert "kết quả: chấp thuận; dạng kết quả: bản giấy" in told
    assert "• có kết quả không muộn hơn hạn trả" in told


def test_a_roadmap_of_the_own_book_is_checked_where_it_lies(
    there: services.Service, tmp_path: Path
) -> None:
    roadmap = tmp_path / "lo-trinh.toml"
    roadmap.write_text(
        'book = "own"\ndocument = "KH"\n[[target]]\nindicator = "on_time_commune"\n'
        'period = "2023-12"\npercent = "49"\n',
        "utf-8",
    )
    command = ["book", "check", str(roadmap), "--data", str(there.data)]
    said = CliRunner().invoke(app, command)
    assert (said.exit_code, "mục tiêu năm 50 %" in said.output) == (1, True)
