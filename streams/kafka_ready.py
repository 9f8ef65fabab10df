"""Waits for Kafka and its topics, saying what is missing instead of failing with a traceback."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from schemas.topics import Topic

log = logging.getLogger(__name__)

_RETRY_S = 0.5
_SAY_AGAIN_EVERY = 20
_REQUEST_MS = 5000


async def wait_for_kafka(
    bootstrap: str, prefix: str, topics: Sequence[Topic], say: Callable[[str], None]
) -> None:
    """Return when Kafka answers and has every one of the topics, however long that takes.

    ``say`` is told, in words for ``/readyz``, what is being waited for.
    """
    attempt = 0
    while (missing := await _missing(bootstrap, prefix, topics)) is not None:
        say(missing)
        if attempt % _SAY_AGAIN_EVERY == 0:
            log.info("waiting: %s", missing)
        attempt += 1
        await asyncio.sleep(_RETRY_S)


async def _missing(bootstrap: str, prefix: str, topics: Sequence[Topic]) -> str | None:
    """What is not there, None when all is."""
    client = AIOKafkaClient(
        bootstrap_servers=bootstrap, client_id="motcua-worker", request_timeout_ms=_REQUEST_MS
    )
    try:
        await client.bootstrap()
        # without naming topics: a broker may create a topic that is asked for by name
        cluster = await client.fetch_all_metadata()
        for topic in topics:
            name = topic.full_name(prefix)
            found = len(cluster.partitions_for_topic(name) or ())
            if found == 0:
                return f"chưa có topic {name}"
            if found != topic.partitions:
                return f"topic {name} có {found} phân vùng, cần {topic.partitions}"
    except (KafkaError, OSError, TimeoutError) as error:
        return f"chưa kết nối Kafka tại {bootstrap} ({type(error).__name__})"
    else:
        return None
    finally:
        await client.close()
