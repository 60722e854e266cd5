"""The tables, as a list of migrations that only grows (pure).

Migration n brings version n - 1 to version n: a new one is one more entry, and no entry ever changes.
Times are microseconds since 1970 in UTC. Indexes that serve the queue are partial, so that a million
ended runs cost them nothing. Large columns come last in a row, so that the others are read without them.
"""

_DELIVERY = """
CREATE TABLE delivery (
    id {identity},
    uid TEXT NOT NULL UNIQUE,
    hook TEXT NOT NULL,
    forge TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    content_type TEXT NOT NULL,
    event TEXT NOT NULL,
    kind TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    body {blob}
)
"""

_RUN = """
CREATE TABLE run (
    id {identity},
    delivery_id BIGINT NOT NULL REFERENCES delivery (id),
    target TEXT NOT NULL,
    slot TEXT NOT NULL,
    lane TEXT NOT NULL,
    overlap TEXT NOT NULL,
    repo TEXT NOT NULL,
    ref TEXT NOT NULL,
    commit_id TEXT,
    pusher TEXT,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    retries INTEGER NOT NULL,
    interruptions INTEGER NOT NULL DEFAULT 0,
    not_before BIGINT NOT NULL,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    queued_at BIGINT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    exit_code INTEGER,
    signal INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    superseded_by BIGINT,
    push TEXT NOT NULL
)
"""

_ATTEMPT = """
CREATE TABLE attempt (
    run_id BIGINT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    n INTEGER NOT NULL,
    owner TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    ending TEXT,
    exit_code INTEGER,
    signal INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run_id, n)
)
"""

VERSION_1: tuple[str, ...] = (
    _DELIVERY,
    "CREATE INDEX delivery_age ON delivery (received_at)",
    "CREATE INDEX delivery_body_age ON delivery (received_at) WHERE body IS NOT NULL",
    _RUN,
    "CREATE UNIQUE INDEX run_running ON run (lane) WHERE state = 'running'",
    "CREATE UNIQUE INDEX run_coalesced ON run (slot) WHERE state = 'queued' AND overlap <> 'queue'",
    "CREATE INDEX run_waiting ON run (slot, id) WHERE state = 'queued'",
    "CREATE INDEX run_active ON run (state, id) WHERE ended_at IS NULL",
    "CREATE INDEX run_succeeded ON run (slot, id) WHERE state = 'succeeded'",
    "CREATE INDEX run_of_delivery ON run (delivery_id)",
    "CREATE INDEX run_of_target ON run (target, id, ended_at)",
    "CREATE INDEX run_done ON run (state, id) WHERE ended_at IS NOT NULL",
    "CREATE INDEX run_age ON run (ended_at) WHERE ended_at IS NOT NULL",
    _ATTEMPT,
    "CREATE TABLE turn (repo TEXT PRIMARY KEY, started_at BIGINT NOT NULL)",
    "CREATE TABLE paused (target TEXT PRIMARY KEY, since BIGINT NOT NULL)",
    "CREATE TABLE probe (id INTEGER PRIMARY KEY, written_at BIGINT NOT NULL)",
    "INSERT INTO probe (id, written_at) VALUES (1, 0)",
)

VERSION_2: tuple[str, ...] = (  # what was pushed, for the list of deliveries
    "ALTER TABLE delivery ADD COLUMN repo TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE delivery ADD COLUMN refs TEXT NOT NULL DEFAULT '[]'",
)

# A delivery whose id is not signed has a `uid` without it.
VERSION_3: tuple[str, ...] = ("CREATE INDEX delivery_of_id ON delivery (hook, delivery_id)",)

# A claim looks at heads only, and only at those of repositories in `turn`, in its order.
VERSION_4: tuple[str, ...] = (
    "ALTER TABLE run ADD COLUMN head INTEGER NOT NULL DEFAULT 0",
    """
    UPDATE run SET head = 1 WHERE id IN (SELECT min(id) FROM run WHERE state = 'queued' GROUP BY slot)
    AND slot NOT IN (SELECT slot FROM run WHERE state = 'running')
    """,
    "UPDATE run SET not_before = 0 WHERE state = 'queued' AND not_before <= queued_at",  # whatever the clock
    "CREATE INDEX run_head ON run (repo, id) WHERE head = 1",
    "CREATE INDEX run_due ON run (not_before) WHERE head = 1",
    "DROP TABLE turn",
    "CREATE TABLE turn (repo TEXT PRIMARY KEY, place BIGINT NOT NULL)",
    "INSERT INTO turn (repo, place) SELECT repo, min(id) FROM run WHERE head = 1 GROUP BY repo",
    "CREATE INDEX turn_order ON turn (place)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (VERSION_1, VERSION_2, VERSION_3, VERSION_4)


def statements(version: int, *, identity: str, blob: str) -> tuple[str, ...]:
    """Return the statements that bring a database of *version* up to date, in order.

    *identity* and *blob* are the backend's words for a primary key that counts up and is never used twice,
    and for a column of bytes.
    """
    found = [sql for migration in MIGRATIONS[version:] for sql in migration]
    return tuple(sql.format(identity=identity, blob=blob) for sql in found)
