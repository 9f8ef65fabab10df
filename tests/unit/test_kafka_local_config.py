"""The local broker's configuration and its locked libraries."""

import hashlib
import re
import tomllib
from pathlib import Path

from deploy.local import jars, kafka
from deploy.local.processes import Stack

BROKER = kafka.Broker(Path("/data/kafka"), Path("/data/logs/kafka.log"), 9402, 9403)


def properties(broker: kafka.Broker) -> dict[str, str]:
    lines = kafka.server_properties(broker).splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_the_broker_listens_on_the_host_it_was_given_and_nowhere_else():
    """Kafka has no passwords here: an address too many is an open door."""
    found = properties(BROKER)
    for name in ("listeners", "advertised.listeners"):
        hosts = re.findall(r"//([^:]+):", found[name])
        assert hosts == ["127.0.0.1", "127.0.0.1"]
    assert found["controller.quorum.bootstrap.servers"] == "127.0.0.1:9403"


def test_three_brokers_elect_among_each_other_and_share_one_cluster(tmp_path):
    """A broker that counts itself alone would take a majority of one for a majority."""
    brokers = Stack(tmp_path, 9400, brokers=3).kafkas
    voters = {properties(broker)["controller.quorum.voters"] for broker in brokers}

    assert voters == {"1@127.0.0.1:9403,2@127.0.0.1:9406,3@127.0.0.1:9408"}
    assert len({broker.cluster_id for broker in brokers}) == 1
    assert Stack(tmp_path, 9400, brokers=3).kafkas == brokers
    for name in ("node.id", "listeners", "log.dirs"):
        assert len({properties(broker)[name] for broker in brokers}) == 3


def test_a_misspelt_topic_is_an_error_and_not_a_new_topic():
    assert properties(BROKER)["auto.create.topics.enable"] == "false"


def test_every_internal_topic_can_live_on_the_brokers_there_are():
    """A factor above the number of brokers stops the first consumer group for ever."""
    for copies, in_sync in ((1, 1), (3, 2)):
        found = properties(kafka.Broker(Path("/k"), Path("/l"), 1, 2, replication_factor=copies))
        factors = {v for k, v in found.items() if k.endswith("replication.factor")}
        assert factors == {str(copies)}
        assert (
            found["min.insync.replicas"] == found["transaction.state.log.min.isr"] == str(in_sync)
        )


def test_the_log_is_bounded():
    text = kafka.log4j_configuration(Path("/data/logs/kafka.log"))
    assert "fileName=/data/logs/kafka.log\n" in text
    assert "SizeBasedTriggeringPolicy" in text
    assert "strategy.max=3" in text


def test_options_for_other_java_programs_do_not_reach_the_broker():
    found = kafka.environment({"JAVA_TOOL_OPTIONS": "-Xmx9g", "CLASSPATH": "/x", "HOME": "/root"})
    assert found == {"HOME": "/root", "LC_ALL": "C.UTF-8"}


def test_accents_in_a_path_are_written_as_java_reads_them():
    """Java takes property files for Latin-1: `dữ` would become another folder."""
    broker = kafka.Broker(Path("/dữ/𝄞"), Path("/dữ/kafka.log"), 1, 2)
    assert properties(broker)["log.dirs"] == r"/d\u1eef/\ud834\udd1e/storage"
    assert r"fileName=/d\u1eef/kafka.log" in kafka.log4j_configuration(broker.log_file)


def test_the_lock_holds_exactly_the_jars_that_are_named():
    """A jar without a hash would be whatever the network gives; one too many is never asked for."""
    named = tomllib.loads(jars.SPEC.read_text("utf-8"))["dependencies"]["coordinates"]
    locked = [jar.coordinate for jar in jars.locked()]
    assert locked == named
    assert len(set(named)) == len(named)
    assert all(re.fullmatch(r"[\w.-]+:[\w.-]+:[\w.-]+", line) for line in named)
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars.locked())


def test_kafka_and_a_binding_for_its_log_are_among_the_jars():
    named = {jar.coordinate for jar in jars.locked()}
    assert {
        "org.apache.kafka:kafka_2.13:4.3.1",
        "org.apache.kafka:kafka-tools:4.3.1",
        "org.apache.kafka:kafka-clients:4.3.1",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
    } <= named


def test_no_host_is_named_where_jars_come_from():
    """Where to fetch is the machine's setting, not the project's."""
    for file in (jars.SPEC, jars.LOCK):
        text = file.read_text("utf-8")
        assert "://" not in text
        assert not re.search(r"\b(repo|maven|mirror)[\w-]*\.[\w-]+\.(org|com|io|net)\b", text)


def test_a_broken_jar_is_replaced_and_a_stray_one_removed(tmp_path, monkeypatch):
    """A kill halfway leaves such things; the broker must never start on them."""
    content = b"the jar"
    lock = tmp_path / "jgo.lock.toml"
    sha256 = hashlib.sha256(content).hexdigest()
    lock.write_text(
        '[[dependencies]]\ngroupId = "org.example"\nartifactId = "one"\nversion = "1"\n'
        f'sha256 = "{sha256}"\n'
    )
    cache = tmp_path / "m2"
    monkeypatch.setenv("M2_REPO", str(cache))
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "none"))
    (cached,) = jars.locked(lock)
    (cache / cached.repository_path).parent.mkdir(parents=True)
    (cache / cached.repository_path).write_bytes(content)
    home = tmp_path / "home"
    left_behind = jars.folder(home, lock)
    left_behind.mkdir(parents=True)
    (left_behind / "one-1.jar").write_bytes(b"the j")
    (left_behind / "stray.jar").write_bytes(b"?")

    found = jars.ensure(home, lock=lock)

    assert found == left_behind
    assert {f.name for f in found.iterdir()} == {"one-1.jar", "complete"}
    assert (found / "one-1.jar").read_bytes() == content
    assert not (home / "downloads").exists()
