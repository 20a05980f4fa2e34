-- Instants are integer microseconds since 1970, UTC. Hours are whole hours since 1970. JSON is kept as text.

-- "ETE1": tells an engine's database from any other file that SQLite can open.
PRAGMA application_id = 1163150641;

CREATE TABLE triggers (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    paused_until INTEGER,
    next_fire_at INTEGER,
    last_fired_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    tags TEXT NOT NULL,
    schedule TEXT,
    payload TEXT,
    payload_schema TEXT,
    target TEXT,
    retry TEXT NOT NULL,
    misfire TEXT NOT NULL,
    overlap TEXT NOT NULL,
    -- When the timers have to look at it: the next fire, or the end of a pause.
    due_at INTEGER,
    -- Name, description, tags and URL, case-folded.
    search_text TEXT NOT NULL
) STRICT;

CREATE INDEX triggers_by_due_at ON triggers (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX triggers_by_next_fire_at ON triggers (next_fire_at);
CREATE INDEX triggers_by_last_fired_at ON triggers (last_fired_at);
CREATE INDEX triggers_by_created_at ON triggers (created_at);
CREATE INDEX triggers_by_updated_at ON triggers (updated_at);

-- The ledger. Events outlive their trigger, so trigger_id is no foreign key.
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    trigger_id INTEGER,
    trigger_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    details TEXT NOT NULL,
    scheduled_for INTEGER NOT NULL,
    fired_at INTEGER NOT NULL,
    finished_at INTEGER,
    payload TEXT,
    missed_count INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    target TEXT,
    retry TEXT,
    next_attempt_at INTEGER,
    replay_of INTEGER,
    archived INTEGER NOT NULL,
    attempts_made INTEGER NOT NULL
) STRICT;

-- One event for each scheduled fire, whatever goes wrong elsewhere. The time comes first, so that what fires together is
-- written to the same few pages.
CREATE UNIQUE INDEX events_by_fire ON events (scheduled_for, trigger_id) WHERE kind = 'scheduled';
CREATE INDEX events_by_fired_at ON events (archived, fired_at);
CREATE INDEX events_by_trigger ON events (trigger_id, archived, fired_at);
-- The statuses that are rare and looked for. A query has to repeat the condition to be given this index.
CREATE INDEX events_by_status ON events (status, archived, fired_at) WHERE status NOT IN ('delivered', 'recorded');
CREATE INDEX events_by_next_attempt_at ON events (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX events_undelivered ON events (trigger_id) WHERE next_attempt_at IS NOT NULL;

CREATE TABLE attempts (
    event_id INTEGER NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    error TEXT,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    timeout_ms INTEGER NOT NULL,
    response_status INTEGER,
    response_headers TEXT,
    response_body BLOB,
    response_truncated INTEGER,
    dns_ms REAL,
    connect_ms REAL,
    wait_ms REAL,
    body_ms REAL,
    total_ms REAL NOT NULL,
    PRIMARY KEY (event_id, number)
) STRICT;

CREATE TABLE idempotency_keys (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    resource_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_created_at ON idempotency_keys (created_at);

-- Roll-ups: how many events there are, so that nobody has to count rows. trigger_id -1 stands for all events
-- together, 0 for those of no saved trigger. A row goes when its count is 0.
CREATE TABLE event_hours (
    trigger_id INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    archived INTEGER NOT NULL,
    count INTEGER NOT NULL,
    last_fired_at INTEGER NOT NULL,
    PRIMARY KEY (trigger_id, hour, kind, status, archived)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_totals (
    trigger_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    archived INTEGER NOT NULL,
    count INTEGER NOT NULL,
    last_fired_at INTEGER NOT NULL,
    PRIMARY KEY (trigger_id, kind, status, archived)
) STRICT, WITHOUT ROWID;

-- An update is a departure from one group and an arrival in another. SQLite has no procedures, so what a departure means
-- is written as a trigger on a view that holds nothing: to insert into it is to call it. Arrivals are written out, for
-- every fire is one and the detour costs.
CREATE VIEW event_departures (trigger_id, fired_at, kind, status, archived) AS
    SELECT trigger_id, fired_at, kind, status, archived FROM events WHERE FALSE;

CREATE TRIGGER events_inserted AFTER INSERT ON events BEGIN
    INSERT INTO event_hours VALUES
        (-1, new.fired_at / 3600000000, new.kind, new.status, new.archived, 1, new.fired_at),
        (coalesce(new.trigger_id, 0), new.fired_at / 3600000000, new.kind, new.status, new.archived, 1, new.fired_at)
    ON CONFLICT DO UPDATE SET count = count + 1, last_fired_at = max(last_fired_at, excluded.last_fired_at);
    INSERT INTO event_totals VALUES
        (-1, new.kind, new.status, new.archived, 1, new.fired_at),
        (coalesce(new.trigger_id, 0), new.kind, new.status, new.archived, 1, new.fired_at)
    ON CONFLICT DO UPDATE SET count = count + 1, last_fired_at = max(last_fired_at, excluded.last_fired_at);
END;

CREATE TRIGGER events_deleted AFTER DELETE ON events BEGIN
    INSERT INTO event_departures VALUES
        (-1, old.fired_at, old.kind, old.status, old.archived),
        (coalesce(old.trigger_id, 0), old.fired_at, old.kind, old.status, old.archived);
END;

CREATE TRIGGER events_updated AFTER UPDATE OF status, archived ON events
WHEN old.status <> new.status OR old.archived <> new.archived BEGIN
    INSERT INTO event_departures VALUES
        (-1, old.fired_at, old.kind, old.status, old.archived),
        (coalesce(old.trigger_id, 0), old.fired_at, old.kind, old.status, old.archived);
    INSERT INTO event_hours VALUES
        (-1, new.fired_at / 3600000000, new.kind, new.status, new.archived, 1, new.fired_at),
        (coalesce(new.trigger_id, 0), new.fired_at / 3600000000, new.kind, new.status, new.archived, 1, new.fired_at)
    ON CONFLICT DO UPDATE SET count = count + 1, last_fired_at = max(last_fired_at, excluded.last_fired_at);
    INSERT INTO event_totals VALUES
        (-1, new.kind, new.status, new.archived, 1, new.fired_at),
        (coalesce(new.trigger_id, 0), new.kind, new.status, new.archived, 1, new.fired_at)
    ON CONFLICT DO UPDATE SET count = count + 1, last_fired_at = max(last_fired_at, excluded.last_fired_at);
END;

-- last_fired_at of an hour only grows. That of a total is taken from the hours again when an event of its newest hour
-- leaves, so both are right to the hour.
CREATE TRIGGER event_departs INSTEAD OF INSERT ON event_departures BEGIN
    UPDATE event_hours SET count = count - 1
    WHERE trigger_id = new.trigger_id AND hour = new.fired_at / 3600000000
        AND kind = new.kind AND status = new.status AND archived = new.archived;
    DELETE FROM event_hours
    WHERE trigger_id = new.trigger_id AND hour = new.fired_at / 3600000000
        AND kind = new.kind AND status = new.status AND archived = new.archived AND count = 0;
    UPDATE event_totals SET count = count - 1, last_fired_at = CASE
        WHEN count > 1 AND last_fired_at / 3600000000 = new.fired_at / 3600000000 THEN (
            SELECT hours.last_fired_at FROM event_hours AS hours
            WHERE hours.trigger_id = new.trigger_id AND hours.kind = new.kind
                AND hours.status = new.status AND hours.archived = new.archived
            ORDER BY hours.hour DESC LIMIT 1)
        ELSE last_fired_at END
    WHERE trigger_id = new.trigger_id
        AND kind = new.kind AND status = new.status AND archived = new.archived;
    DELETE FROM event_totals
    WHERE trigger_id = new.trigger_id
        AND kind = new.kind AND status = new.status AND archived = new.archived AND count = 0;
END;
