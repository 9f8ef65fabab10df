"""What a gateway costs at the least: bare FastAPI, one pydantic model, kafka-python, ``acks=all``.

No keys, no rules, no registry, nothing kept of what is refused. The same server, event loop and
producer settings as the gateway, so that the difference is what admission costs.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI
from kafka import KafkaProducer
from pydantic import AwareDatetime, BaseModel


class Event(BaseModel):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: AwareDatetime
    unit: str
    data: dict[str, Any]


def build(bootstrap: str, topic: str) -> FastAPI:
    producer: Any = None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal producer
        producer = KafkaProducer(
            bootstrap_servers=bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            batch_size=65_536,
            metrics_enabled=False,
        )
        producer.partitions_for(topic)
        yield
        producer.close(1)

    app = FastAPI(lifespan=lifespan)

    def stored(event: Event) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        value = orjson.dumps(event.model_dump(mode="json"))
        sent = producer.send(topic, value, event.unit.encode())
        sent.add_callback(lambda _: loop.call_soon_threadsafe(done.set_result, None))
        sent.add_errback(lambda error: loop.call_soon_threadsafe(done.set_exception, error))
        return done

    @app.post("/v1/events", status_code=202)
    async def one(event: Event) -> dict[str, int]:
        await stored(event)
        return {"accepted": 1}

    @app.post("/v1/batch", status_code=202)
    async def batch(events: list[Event]) -> dict[str, int]:
        await asyncio.gather(*[stored(event) for event in events])
        return {"accepted": len(events)}

    return app


if __name__ == "__main__":
    bootstrap, topic, port = sys.argv[1:]
    uvicorn.run(
        build(bootstrap, topic),
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
