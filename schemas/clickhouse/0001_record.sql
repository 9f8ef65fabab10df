-- The record. One row for each copy of an admitted event; of copies with the same content the one
-- that was recorded first survives a merge (the version is the inverse of recorded_at). Copies of
-- one event with other contents all stay: which of them counts is decided when a question is asked.
-- Nothing reads this table but the views of 0002: they alone know how to count an event once.
CREATE TABLE IF NOT EXISTS events
(
    -- identity: (unit, dossier, source, id)
    unit                LowCardinality(String) COMMENT 'receiving unit',
    dossier             String COMMENT 'dossier code as the emitter writes it' CODEC(ZSTD(1)),
    source              LowCardinality(String) COMMENT 'emitting system',
    id                  String COMMENT 'id that the emitter gave' CODEC(ZSTD(1)),
    event_key           UInt64 COMMENT 'BLAKE2b-64 of source, a zero byte and id: identity within the dossier' CODEC(NONE),
    content_hash        UInt64 COMMENT 'what admission calls contenthash: equal when two copies say the same' CODEC(NONE),

    -- numbers are those of schemas.events.EVENTS; equal moments of a dossier are ordered by them
    kind                Enum8('submitted' = 1, 'received' = 2, 'digitized' = 3, 'supplement_requested' = 4,
                              'supplement_received' = 5, 'forwarded' = 6, 'payment_requested' = 7, 'paid' = 8,
                              'refunded' = 9, 'fee_waived' = 10, 'due_changed' = 11, 'resolved' = 12,
                              'returned' = 13, 'rejected' = 14, 'withdrawn' = 15, 'stopped' = 16,
                              'reopened' = 17, 'corrected' = 18) CODEC(ZSTD(1)),

    -- the two clocks
    occurred_at         DateTime64(3, 'UTC') COMMENT 'when it happened' CODEC(Delta(8), ZSTD(1)),
    recorded_at         DateTime64(3, 'UTC') COMMENT 'when it was accepted; stamped once' CODEC(Delta(8), ZSTD(1)),

    -- what admission added
    level               LowCardinality(String) COMMENT 'level of the receiving unit on that day',
    emitter             LowCardinality(String) COMMENT 'name of the credential that sent it',

    -- content that questions read; empty, 0 or NULL where the kind of event has no such field
    procedure           LowCardinality(String) COMMENT 'as sent, perhaps with a local suffix',
    officer             LowCardinality(String),
    channel             LowCardinality(String),
    paperless           Bool CODEC(ZSTD(1)),
    due_at              Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    part                LowCardinality(String) COMMENT 'what was digitised',
    items_total         UInt32 CODEC(ZSTD(1)),
    items_digitized     UInt32 CODEC(ZSTD(1)),
    payment_id          String CODEC(ZSTD(1)),
    amount_vnd          Int64 CODEC(ZSTD(1)),
    way                 LowCardinality(String) COMMENT 'of a payment, or of the return of a result',
    outcome             LowCardinality(String),
    electronic_result   Bool CODEC(ZSTD(1)),
    claims_on_time      Nullable(Bool) COMMENT 'verdict of the emitter itself' CODEC(ZSTD(1)),

    -- what the catalogue said of the procedure when the dossier was received
    procedure_known     Bool CODEC(ZSTD(1)),
    service             LowCardinality(String),
    has_fee             Bool CODEC(ZSTD(1)),
    payment_online      Bool CODEC(ZSTD(1)),

    -- where it stands in Kafka, and the record as it stands there
    topic               LowCardinality(String),
    partition           UInt16 CODEC(ZSTD(1)),
    offset              UInt64 CODEC(Delta(8), ZSTD(1)),
    body                String CODEC(ZSTD(3)),

    -- derived
    dossier_key         UInt64 MATERIALIZED sipHash64(unit, dossier) COMMENT 'one number for (unit, dossier)' CODEC(ZSTD(1)),
    earliness           UInt64 MATERIALIZED bitNot(toUInt64(toUnixTimestamp64Milli(recorded_at))) COMMENT 'version: the first copy has the greatest' CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree(earliness)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (unit, dossier, occurred_at, source, id, content_hash)
-- 0: with a window, a kill at the wrong moment and a retry answer "done" and store nothing, for ever.
-- fsync: `log` says what is in here, so this must be on the disk before `log` is written
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

-- Every record of the topic, once, also those whose rows in `events` a merge has dropped. Written
-- after `events`: what is in here, is in there. The historian goes on after its greatest offset.
CREATE TABLE IF NOT EXISTS log
(
    topic               LowCardinality(String),
    partition           UInt16,
    offset              UInt64 CODEC(Delta(8), ZSTD(1)),
    unit                LowCardinality(String) COMMENT 'empty: the record is in `unreadable`',
    dossier             String EPHEMERAL,
    dossier_key         UInt64 DEFAULT sipHash64(unit, dossier) CODEC(ZSTD(1)),
    event_key           UInt64 CODEC(NONE),
    content_hash        UInt64 CODEC(NONE),
    recorded_at         DateTime64(3, 'UTC') CODEC(Delta(8), ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 0, fsync_after_insert = 1, fsync_part_directory = 1;

-- Records that are no admitted event which this version knows, as they came: nothing is lost.
CREATE TABLE IF NOT EXISTS unreadable
(
    topic               LowCardinality(String),
    partition           UInt16,
    offset              UInt64,
    reason              String,
    raw                 String CODEC(ZSTD(3)),
    seen_at             DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 0;
