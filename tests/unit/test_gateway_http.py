"""The gateway over HTTP, without Kafka: what it answers, and what it keeps."""

import asyncio
from pathlib import Path

import pytest

from schemas.problems import Problem
from services.gateway.admission import Emitter, Limits
from services.gateway.credentials import add_emitter, credentials_file
from services.gateway.reading import Stop, read_body
from tests.support.gateway import BATCH, SINGLE, Gateway, gateway, received, received_with


@pytest.fixture
def here(tmp_path: Path) -> Gateway:
    return gateway(tmp_path, max_event_bytes=5_000, max_batch_bytes=20_000, max_batch_events=10)


async def test_an_event_is_accepted_when_the_log_has_it(here):
    answer = await here.post(received())

    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1,
        "refused": 0,
        "items": [
            {
                "id": "e-1",
                "source": "https://motcua.example.vn",
                "status": "accepted",
                "recordedat": "2023-02-10T09:00:00.000Z",
            }
        ],
    }
    (record,) = here.log.records
    assert (record.topic, record.key) == ("motcua.events", b"23500")


async def test_the_same_event_is_accepted_again(here):
    answers = [await here.post(received()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    first, second = here.log.values("events")
    assert first["contenthash"] == second["contenthash"]


async def test_a_batch_with_a_bad_event_is_answered_event_by_event(here):
    batch = [received(id="a"), received_with(channel="fax"), received(id="c", unit="23524")]
    answer = await here.post(batch, BATCH)

    assert answer.status_code == 207
    said = answer.json()
    assert (said["accepted"], said["refused"]) == (1, 2)
    assert [item["status"] for item in said["items"]] == ["accepted", "refused", "refused"]
    assert [item["problem"]["status"] for item in said["items"][1:]] == [422, 403]
    assert len(here.log.values("events")) == 1
    assert [r["reasons"][0]["rule"] for r in here.log.values("rejected")] == [
        "value_unknown",
        "unit_not_yours",
    ]


@pytest.mark.parametrize(
    ("batch", "status"),
    [
        ([received(unit="23524"), received(unit="23506")], 403),
        ([received(type="x"), received(unit="23506")], 422),
    ],
)
async def test_a_batch_of_bad_events_only_is_refused_as_a_problem_with_items(here, batch, status):
    answer = await here.post(batch, BATCH)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["accepted"], said["refused"], len(said["items"])) == (0, 2, 2)
    assert said["errors"][1]["field"] == "[1].unit"
    assert len(here.log.values("rejected")) == 2


@pytest.mark.parametrize("key", ["", "mc_000000000000_" + "a" * 43, "Bearer", "\x00"])
async def test_without_a_right_key_nothing_is_read_and_nothing_kept(here, key):
    answer = await here.post(received(), key=key)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert here.log.records == []


async def test_another_scheme_is_no_key(here):
    answer = await here.post(received(), authorization="Basic eDp5")
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:motcua:problem:key_missing")


@pytest.mark.parametrize(
    ("content", "kind", "status", "rule"),
    [
        (b"{", SINGLE, 400, "json_invalid"),
        (b"[1", BATCH, 400, "json_invalid"),
        (b"{}", BATCH, 400, "batch_expected"),
        (b"[]", BATCH, 422, "batch_empty"),
        (received(subject="x" * 6000), SINGLE, 413, "body_too_large"),
        ([received(subject="x" * 6000)] * 4, BATCH, 413, "body_too_large"),
        ([received()] * 11, BATCH, 413, "batch_too_long"),
    ],
)
async def test_a_body_that_cannot_be_taken_apart_is_kept_with_its_reason(
    here, content, kind, status, rule
):
    answer = await here.post(content, kind)

    problem = Problem.model_validate(answer.json())
    assert (answer.status_code, problem.status) == (status, status)
    assert problem.type == f"urn:motcua:problem:{rule}"
    assert problem.detail
    assert problem.detail_vi
    (kept,) = here.log.values("rejected")
    assert kept["reasons"][0]["rule"] == rule
    assert here.log.values("events") == []


@pytest.mark.parametrize(
    ("kind", "headers"),
    [
        ("text/plain", {}),
        ("application/xml", {}),
        (f"{SINGLE}; charset=latin-1", {}),
        (SINGLE, {"content-encoding": "gzip"}),
    ],
)
async def test_other_contents_are_not_guessed_at(here, kind, headers):
    answer = await here.post(received(), kind, **headers)
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (received(), "application/json"),
        (received(), f"{SINGLE}; charset=UTF-8"),
        ([received()], "application/json"),
        ([received()], BATCH),
    ],
)
async def test_plain_json_is_taken_too(here, content, kind):
    assert (await here.post(content, kind)).status_code == 202


async def test_binary_mode_says_the_same_as_structured(here):
    """CloudEvents' SDKs send it by default: attributes as headers, the data as the body."""
    event = received()
    headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    answer = await here.post(event["data"], "application/json", **headers)
    await here.post(event)

    assert answer.status_code == 202
    binary, structured = here.log.values("events")
    assert binary == structured


async def test_binary_mode_cannot_smuggle_attributes_through_the_data(here):
    event = received()
    headers = {f"ce-{name}": value for name, value in event.items() if name != "data"}
    answer = await here.post(b'{},"unit":"23524"', "application/json", **headers)
    assert answer.status_code == 400


async def test_when_the_log_is_away_everything_is_to_be_sent_again(here):
    here.log.away = True
    for content, kind in (
        (received(), SINGLE),
        ([received(), received(id="")], BATCH),
        (b"{", SINGLE),
    ):
        answer = await here.post(content, kind)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "2"
    assert here.log.records == []


async def test_more_than_can_wait_is_turned_away(here):
    here.log.waiting = 60_000
    answer = await here.post(received())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert here.log.records == []


async def test_a_key_can_ask_what_it_may_do(here):
    answer = await here.http.get("/v1/emitter", headers={"authorization": f"Bearer {here.key}"})
    assert answer.json() == {
        "emitter": "dakha",
        "units": [
            {"code": "23500", "name": "Thị trấn Đắk Hà"},
            {"code": "23503", "name": "Xã Đắk PXi"},
        ],
    }
    assert (await here.http.get("/v1/emitter")).status_code == 401


async def test_logs_name_neither_keys_nor_contents(here, capsys):
    wrong = "mc_000000000000_" + "a" * 43
    await here.post(received(), key=wrong)
    await here.post(received_with(officer="Nguyễn Văn A"))
    said = "".join(capsys.readouterr())
    assert "key_wrong" in said
    assert wrong not in said
    assert here.key not in said
    assert "Nguyễn" not in said


async def test_a_body_that_dawdles_is_given_up(here, monkeypatch):
    """A client that sends a byte an hour must not hold a connection for ever."""
    monkeypatch.setattr("services.gateway.reading.BODY_WAIT_S", 0.05)

    async def receive() -> dict[str, object]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    headers = {b"content-type": SINGLE.encode()}
    with pytest.raises(Stop) as stopped:
        await read_body(headers, receive, Emitter("dakha", frozenset()), Limits())
    assert stopped.value.error.rule == "body_too_slow"


async def test_a_sender_that_goes_away_gets_no_answer_and_leaves_nothing(here):
    messages = iter(
        [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, object]:
        return next(messages)

    async def send(message: object) -> None:
        raise AssertionError(f"nobody is there to be told {message}")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "headers": [
            (b"content-type", SINGLE.encode()),
            (b"authorization", f"Bearer {here.key}".encode()),
        ],
    }
    await here.app(scope, receive, send)
    assert here.log.records == []


async def test_a_body_without_a_length_is_bounded(here):
    """Without a length the limit is met while reading, not after."""

    async def endless():
        while True:
            yield b" " * 1000

    answer = await here.http.post(
        "/v1/events",
        content=endless(),
        headers={"content-type": SINGLE, "authorization": f"Bearer {here.key}"},
    )
    assert answer.status_code == 413


async def test_a_unit_added_to_the_registry_is_known_without_a_restart(tmp_path, monkeypatch):
    """An import brings its units along while the stack runs."""
    here = gateway(tmp_path)
    key = add_emitter(credentials_file(tmp_path), "new", ["new-unit"])
    monkeypatch.setattr("services.reread._LOOK_EVERY_S", 0)
    (tmp_path / "registry").mkdir()
    text = '[[unit]]\ncode = "new-unit"\nname = "Đơn vị mới"\nlevel = "district"\n'
    (tmp_path / "registry" / "new.toml").write_text(text, "utf-8")

    async with asyncio.timeout(5):
        while True:
            answer = await here.post(received(unit="new-unit"), key=key)
            if answer.status_code == 202:
                break
            assert answer.status_code in (401, 422), answer.text
            await asyncio.sleep(0.05)
