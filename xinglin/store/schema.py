"""The tables: one per resource type (`record`), its superseded versions (`history`), and what is not clinical record (`xinglin`).

The physical design is explained in `docs/explanation/store.md`.
"""

from __future__ import annotations

from collections.abc import Iterator

from asyncpg import Connection

from xinglin.store.layout import Layout

VERSION = 2

_PLATFORM = """
CREATE SCHEMA IF NOT EXISTS xinglin; CREATE SCHEMA IF NOT EXISTS record; CREATE SCHEMA IF NOT EXISTS history;
CREATE TABLE xinglin.installation (version integer NOT NULL, key_mark bytea NOT NULL, made_at timestamptz NOT NULL DEFAULT now(),
  xact_offset bigint NOT NULL DEFAULT 0);
-- who is who in the typed columns: patients, concepts and sets of present parameters as dense integers
CREATE TABLE xinglin.person (n integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL UNIQUE);
-- the highest number of the three tables below, so that one look tells whether there is news
CREATE TABLE xinglin.given (n integer NOT NULL);
INSERT INTO xinglin.given VALUES (0);
CREATE TABLE xinglin.concept (n integer PRIMARY KEY, key bigint NOT NULL UNIQUE, forms bigint[] NOT NULL);
CREATE TABLE xinglin.presence (n integer PRIMARY KEY, type smallint NOT NULL, params text NOT NULL, UNIQUE (type, params));
-- what has been seen of a parameter: units of a quantity, more than one value of a date
CREATE TABLE xinglin.trait (n integer PRIMARY KEY, type smallint NOT NULL, param text NOT NULL, trait text NOT NULL,
  UNIQUE (type, param, trait));
CREATE TABLE xinglin.era (type smallint, n integer, from_tick bigint NOT NULL, rows bigint NOT NULL DEFAULT 0, PRIMARY KEY (type, n));
CREATE TABLE xinglin.dictionary (type smallint, n smallint, sealed bytea NOT NULL, PRIMARY KEY (type, n));
-- the change feed: a row for each commit (and at most 4,096 changes); change i has tick + 32 i, its type stands in `types`, two bytes each;
-- xact is the transaction's number plus `xact_offset`, which grows when the database is restored into another cluster (feed.py)
CREATE TABLE xinglin.feed (xact bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint, tick bigint NOT NULL, types bytea NOT NULL,
  PRIMARY KEY (tick));
CREATE INDEX ON xinglin.feed (xact);
CREATE TABLE xinglin.consumer (name text PRIMARY KEY, xact bigint NOT NULL, tick bigint NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT now());
-- changes a consumer gave up on, and why: nothing is passed over in silence
CREATE TABLE xinglin.missed (consumer text, tick bigint, type smallint NOT NULL, why text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (consumer, tick));
CREATE TABLE xinglin.audit (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, actor text NOT NULL, role text NOT NULL,
  interaction text NOT NULL, type text, id text, query bytea, status smallint NOT NULL, address text, request text);
CREATE INDEX ON xinglin.audit (at);
CREATE TABLE xinglin.job (id uuid PRIMARY KEY, kind text NOT NULL, state text NOT NULL, owner text NOT NULL,
  parameters bytea NOT NULL, progress bytea NOT NULL, attempt integer NOT NULL DEFAULT 0, result bytea, error text,
  made_at timestamptz NOT NULL DEFAULT now(), touched_at timestamptz NOT NULL DEFAULT now());
"""

_ACCESS = """
-- small sealed documents: accounts, sessions, applications, notices (papers.py); `mark` and `handles` are keyed hashes
CREATE TABLE xinglin.paper (n bigint GENERATED ALWAYS AS IDENTITY, kind text NOT NULL, mark bigint NOT NULL, version integer NOT NULL,
  ends bigint NOT NULL, handles bigint[] NOT NULL, key bytea NOT NULL, sealed bytea NOT NULL, PRIMARY KEY (kind, mark));
CREATE INDEX ON xinglin.paper (kind, n);
CREATE INDEX ON xinglin.paper USING gin (handles);
CREATE INDEX ON xinglin.paper (ends) WHERE ends < 4611686018427387904;
-- who may see whose record and why (relations.py); `holder` is the hash of who holds it, `type` and `id` the resource it follows from
CREATE TABLE xinglin.relation (holder bigint NOT NULL, patient integer NOT NULL, kind text NOT NULL, starts bigint NOT NULL,
  ends bigint NOT NULL, type smallint NOT NULL, id uuid NOT NULL, limits text NOT NULL DEFAULT '',
  PRIMARY KEY (type, id, holder, patient, kind));
CREATE INDEX ON xinglin.relation (holder, ends);
CREATE INDEX ON xinglin.relation (patient);
-- grows with every change of relations, so that one look tells whether there is news
CREATE TABLE xinglin.care (version bigint NOT NULL);
INSERT INTO xinglin.care VALUES (1);
-- whose records an act showed, and on what ground; `xact` as in the feed: rows are sealed in the order (xact, n) (ledger/)
ALTER TABLE xinglin.audit ADD patient integer, ADD patients integer[], ADD ground text, ADD xact bigint NOT NULL DEFAULT 0;
DO $$ BEGIN EXECUTE 'ALTER TABLE xinglin.audit ALTER xact SET DEFAULT pg_current_xact_id()::text::bigint + '
  || (SELECT xact_offset FROM xinglin.installation); END $$;
CREATE INDEX ON xinglin.audit (xact);
CREATE INDEX ON xinglin.audit (actor, at);
CREATE INDEX ON xinglin.audit (patient, at) WHERE patient IS NOT NULL;
CREATE INDEX ON xinglin.audit (at) WHERE status >= 400;
CREATE INDEX ON xinglin.audit USING gin (patients) WHERE patients IS NOT NULL;
-- the ledger: each row seals the next rows of the trail. `rows` are their numbers, `leaves` their hashes, in order; `root` that of the
-- batch; `size`, `tree`, `frontier`: rows, root and frontier of the whole tree; (xact, last): the place of its last row
CREATE TABLE xinglin.seal (n bigint PRIMARY KEY, at bigint NOT NULL, suite text NOT NULL, size bigint NOT NULL, xact bigint NOT NULL,
  last bigint NOT NULL, rows bytea NOT NULL, leaves bytea NOT NULL, root bytea NOT NULL, frontier bytea NOT NULL, tree bytea NOT NULL,
  chain bytea NOT NULL, key text NOT NULL, signature bytea NOT NULL);
CREATE INDEX ON xinglin.seal (xact, last);
-- the public keys seals were signed with, by their names
CREATE TABLE xinglin.seal_key (key text PRIMARY KEY, public text NOT NULL);
ALTER TABLE xinglin.seal ALTER leaves SET STORAGE EXTERNAL;
"""
_MIGRATIONS = {1: _ACCESS}
"""What brings a database of a version to the next."""


def table_sql(spot: Layout) -> str:
    """CREATE TABLE of one type and of its history, without indexes."""
    kinds = {"tick": "bigint NOT NULL", "lo": "bigint", "num": "double precision", "id": "uuid NOT NULL", "patient": "integer NOT NULL"}
    kinds |= {"code": "integer NOT NULL", "version": "integer NOT NULL", "presence": "integer NOT NULL", "hi": "bigint"}
    kinds |= {"tokens": "bigint[] NOT NULL", "content": "bytea NOT NULL"}
    columns = ", ".join(
        f"{name} {kinds.get(name) or ('double precision' if name.startswith('num') else 'bigint')}" for name in spot.columns
    )
    return f"""CREATE TABLE {spot.table} ({columns});
ALTER TABLE {spot.table} ALTER content SET STORAGE EXTERNAL, ALTER tokens SET STATISTICS 1000, ALTER code SET STATISTICS 1000;
CREATE TABLE {spot.history} (id uuid NOT NULL, version integer NOT NULL, tick bigint NOT NULL, content bytea NOT NULL,
  PRIMARY KEY (id, version));
ALTER TABLE {spot.history} ALTER content SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX ON {spot.history} (tick)"""


def indexes(spot: Layout) -> Iterator[tuple[str, str]]:
    """(name, definition) of each index of a type's table."""
    short = spot.type.lower()

    def index(kind: str, what: str, unique: bool = False) -> tuple[str, str]:
        return f"{short}_{kind}", f'CREATE {"UNIQUE " if unique else ""}INDEX "{short}_{kind}" ON {spot.table} {what}'

    yield index("id", "(id)", unique=True)
    yield index("tick", "(tick)", unique=True)
    yield index("tokens", "USING gin (tokens) WITH (fastupdate=on, gin_pending_list_limit=512)")
    if spot.patient:
        yield index("patient", "(patient, tick)", unique=spot.type == "Patient")
    if spot.code:
        yield index("code_patient", "(code, patient, lo)" if spot.spans else "(code, patient)")
        yield index("code_tick", "(code, tick)")
        if spot.spans:
            yield index("code_lo", "(code, lo)")
        if spot.numbers:
            yield index("code_num", "(code, num) WHERE num IS NOT NULL")
    for lo, _ in spot.spans.values():
        yield index(lo, f"({lo}) WHERE {lo} IS NOT NULL")
    for column in spot.numbers.values():
        if column != "num" or not spot.code:
            yield index(column, f"({column}) WHERE {column} IS NOT NULL")


async def create(connection: Connection, key_mark: bytes) -> None:
    """Make the platform's own tables in one transaction, or bring those of an older program up to date. Those of a type come with its
    first resource.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7305)")
        if not await connection.fetchval("SELECT to_regclass('xinglin.installation')"):
            await connection.execute(_PLATFORM)
            await connection.execute("INSERT INTO xinglin.installation (version, key_mark) VALUES (1, $1)", key_mark)
        version = await connection.fetchval("SELECT version FROM xinglin.installation")
        while version in _MIGRATIONS:
            await connection.execute(_MIGRATIONS[version])
            version = await connection.fetchval("UPDATE xinglin.installation SET version = version + 1 RETURNING version")
