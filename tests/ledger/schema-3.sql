BEGIN TRANSACTION;
CREATE TABLE bases (
    scope        INTEGER      NOT NULL,
    referral     VARCHAR(64)  NOT NULL,
    at           FLOAT        NOT NULL,
    run          VARCHAR(40)  NOT NULL,
    agreed       TEXT         NOT NULL,
    besides      TEXT         NOT NULL,
    PRIMARY KEY (scope, referral),
    FOREIGN KEY (scope) REFERENCES scopes (id)
) WITHOUT ROWID
;
CREATE TABLE facts (
    name         VARCHAR(40)  NOT NULL,
    value        TEXT         NOT NULL,
    PRIMARY KEY (name)
);
INSERT INTO "facts" VALUES('schema','3');
CREATE TABLE input_parts (
    digest       VARCHAR(80)  NOT NULL,
    part         INTEGER      NOT NULL,
    content      BLOB         NOT NULL,
    PRIMARY KEY (digest, part),
    FOREIGN KEY (digest) REFERENCES inputs (digest)
);
CREATE TABLE inputs (
    digest       VARCHAR(80)  NOT NULL,
    source       TEXT         NOT NULL,
    bytes        INTEGER      NOT NULL,
    PRIMARY KEY (digest)
);
CREATE TABLE intents (
    run          VARCHAR(40)  NOT NULL,
    n            INTEGER      NOT NULL,
    attempt      INTEGER      NOT NULL,
    at           FLOAT        NOT NULL,
    mark         VARCHAR(40)  NOT NULL,
    planned      TEXT         NOT NULL,
    PRIMARY KEY (run, n, attempt),
    FOREIGN KEY (run) REFERENCES runs (id)
);
CREATE TABLE normal_forms (
    remote       TEXT         NOT NULL,
    referral     VARCHAR(64)  NOT NULL,
    path         TEXT         NOT NULL,
    desired      TEXT         NOT NULL,
    held         TEXT         NOT NULL,
    weight       INTEGER      NOT NULL,
    PRIMARY KEY (remote, referral, path)
);
CREATE TABLE outcomes (
    run          VARCHAR(40)  NOT NULL,
    n            INTEGER      NOT NULL,
    cause        VARCHAR(40)  NOT NULL,
    settled      TEXT         NOT NULL,
    key          TEXT,
    referral     VARCHAR(64),
    PRIMARY KEY (run, n),
    FOREIGN KEY (run) REFERENCES runs (id)
) WITHOUT ROWID
;
CREATE TABLE quiet_names (
    run          VARCHAR(40)  NOT NULL,
    mark         INTEGER      NOT NULL,
    content      BLOB         NOT NULL,
    PRIMARY KEY (run, mark),
    FOREIGN KEY (run) REFERENCES runs (id)
);
CREATE TABLE quiet_parts (
    run          VARCHAR(40)  NOT NULL,
    first        INTEGER      NOT NULL,
    last         INTEGER      NOT NULL,
    count        INTEGER      NOT NULL,
    content      BLOB         NOT NULL,
    PRIMARY KEY (run, first),
    FOREIGN KEY (run) REFERENCES runs (id)
);
CREATE TABLE runs (
    id           VARCHAR(40)  NOT NULL,
    job          VARCHAR(64)  NOT NULL,
    remote       TEXT         NOT NULL,
    plan         VARCHAR(40)  NOT NULL,
    facts        TEXT         NOT NULL,
    began        FLOAT        NOT NULL,
    ended        FLOAT,
    exit_code    INTEGER,
    requests     TEXT,
    moves        VARCHAR(10),
    source       TEXT,
    PRIMARY KEY (id),
    UNIQUE (plan)
);
CREATE TABLE scopes (
    id           INTEGER      NOT NULL,
    job          VARCHAR(64)  NOT NULL,
    remote       TEXT         NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX outcomes_open ON outcomes (run, n) WHERE cause IN ('answer_unknown', 'to_send');
CREATE INDEX intents_by_run ON intents (run, n);
CREATE INDEX outcomes_by_referral ON outcomes (referral, run);
CREATE INDEX outcomes_by_key ON outcomes (key, run);
CREATE UNIQUE INDEX scopes_by_name ON scopes (job, remote);
CREATE INDEX runs_by_job ON runs (job, remote, began);
COMMIT;
