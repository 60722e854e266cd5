-- A database as version 1 of its tables made it. Never change it.
PRAGMA application_id = 2003331940;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
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
);
INSERT INTO "attempt" VALUES(1,1,'this daemon',1795488519000000,1795488520000000,'exited',1,NULL,'');
INSERT INTO "attempt" VALUES(2,1,'this daemon',1795488579000000,1795488580000000,'exited',0,NULL,'');
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
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
    body BLOB
);
INSERT INTO "delivery" VALUES(1,'github/first/de8f76d95575c8847b54bf5cf76580e7fe80c3f61f3a0b4cbd7bef955917193e','github','github','first','de8f76d95575c8847b54bf5cf76580e7fe80c3f61f3a0b4cbd7bef955917193e','application/json','push','push','file /etc/webhookd/secret','',1795488518000000,X'7B22726566223A2022726566732F68656164732F6D61696E227D');
INSERT INTO "delivery" VALUES(2,'github/second/de8f76d95575c8847b54bf5cf76580e7fe80c3f61f3a0b4cbd7bef955917193e','github','github','second','de8f76d95575c8847b54bf5cf76580e7fe80c3f61f3a0b4cbd7bef955917193e','application/json','push','push','file /etc/webhookd/secret','',1795488518000000,X'7B22726566223A2022726566732F68656164732F6D61696E227D');
INSERT INTO "delivery" VALUES(3,'github/third/de8f76d95575c8847b54bf5cf76580e7fe80c3f61f3a0b4cbd7bef955917193e','github','github','third','de8f76d95575c8847b54bf5cf76580e7fe80c3f61f3a0b4cbd7bef955917193e','application/json','push','push','file /etc/webhookd/secret','',1795488518000000,X'7B22726566223A2022726566732F68656164732F6D61696E227D');
CREATE TABLE paused (target TEXT PRIMARY KEY, since BIGINT NOT NULL);
CREATE TABLE probe (id INTEGER PRIMARY KEY, written_at BIGINT NOT NULL);
INSERT INTO "probe" VALUES(1,0);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
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
);
INSERT INTO "run" VALUES(1,1,'octocat/blog@main','octocat/blog@main octocat/blog refs/heads/main','octocat/blog@main octocat/blog refs/heads/main','latest','octocat/blog','refs/heads/main','6113728f27ae82c7b1a177c8d03f9e96e0adf246','octocat','failed',1,0,0,1795488518000000,0,NULL,1795488518000000,1795488519000000,1795488520000000,1,NULL,'exit code 1',NULL,'{"repo": "octocat/blog", "ref": "refs/heads/main", "branch": "main", "before": "4544205a385319fd846d5df4ed2e3b8173529d78", "after": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "commit": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "forced": false, "pusher": "octocat", "message": "Say hello"}');
INSERT INTO "run" VALUES(2,2,'octocat/blog@main','octocat/blog@main octocat/blog refs/heads/main','octocat/blog@main octocat/blog refs/heads/main','latest','octocat/blog','refs/heads/main','6113728f27ae82c7b1a177c8d03f9e96e0adf246','octocat','succeeded',1,0,0,1795488578000000,0,NULL,1795488578000000,1795488579000000,1795488580000000,0,NULL,'',NULL,'{"repo": "octocat/blog", "ref": "refs/heads/main", "branch": "main", "before": "4544205a385319fd846d5df4ed2e3b8173529d78", "after": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "commit": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "forced": false, "pusher": "octocat", "message": "Say hello"}');
INSERT INTO "run" VALUES(3,3,'octocat/blog@main','octocat/blog@main octocat/blog refs/heads/main','octocat/blog@main octocat/blog refs/heads/main','latest','octocat/blog','refs/heads/main','6113728f27ae82c7b1a177c8d03f9e96e0adf246','octocat','queued',0,0,0,1795488638000000,0,NULL,1795488638000000,NULL,NULL,NULL,NULL,'',NULL,'{"repo": "octocat/blog", "ref": "refs/heads/main", "branch": "main", "before": "4544205a385319fd846d5df4ed2e3b8173529d78", "after": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "commit": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "forced": false, "pusher": "octocat", "message": "Say hello"}');
CREATE TABLE turn (repo TEXT PRIMARY KEY, started_at BIGINT NOT NULL);
INSERT INTO "turn" VALUES('octocat/blog',1795488579000000);
CREATE INDEX delivery_age ON delivery (received_at);
CREATE INDEX delivery_body_age ON delivery (received_at) WHERE body IS NOT NULL;
CREATE UNIQUE INDEX run_running ON run (lane) WHERE state = 'running';
CREATE UNIQUE INDEX run_coalesced ON run (slot) WHERE state = 'queued' AND overlap <> 'queue';
CREATE INDEX run_waiting ON run (slot, id) WHERE state = 'queued';
CREATE INDEX run_active ON run (state, id) WHERE ended_at IS NULL;
CREATE INDEX run_succeeded ON run (slot, id) WHERE state = 'succeeded';
CREATE INDEX run_of_delivery ON run (delivery_id);
CREATE INDEX run_of_target ON run (target, id, ended_at);
CREATE INDEX run_done ON run (state, id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_age ON run (ended_at) WHERE ended_at IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('delivery',3);
INSERT INTO "sqlite_sequence" VALUES('run',3);
COMMIT;
