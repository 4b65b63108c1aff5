from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from batchocr.ledger import migrations

RUN = "INSERT INTO runs VALUES ('r', 'running', 't', NULL, '1', 'h', 1, '{}', '{}', '[]', 'f', '')"
CONTENT = "INSERT INTO contents VALUES (1, 'ab', 'f', 'pdf', 3, NULL)"
DOCUMENT = "1, 1, x'61', 'a', 'a', 1, 1, 1, NULL, NULL, NULL, NULL, NULL"
ATTEMPT = "INSERT INTO attempts VALUES (1, 'r', 1, '1', 'cpu', 'cpu', 'running', 't', NULL)"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    migrations.migrate(connection, "ledger")
    for sql in (RUN, CONTENT, ATTEMPT, "INSERT INTO roots VALUES (1, x'61')"):
        connection.execute(sql)
    yield connection
    connection.close()


def test_new_ledger_has_the_newest_version(db: sqlite3.Connection) -> None:
    assert db.execute("PRAGMA user_version").fetchone() == (len(migrations.STEPS),)


def test_migrating_twice_changes_nothing(db: sqlite3.Connection) -> None:
    before = db.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    migrations.migrate(db, "ledger")
    assert db.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall() == before


def test_every_table_is_strict(db: sqlite3.Connection) -> None:
    tables = db.execute("SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite%'").fetchall()
    assert len(tables) == 8
    assert all(strict for _, strict in tables)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE runs SET state = 'asleep'",
        "UPDATE runs SET pid = 'many'",
        "INSERT INTO contents VALUES (2, 'cd', 'f', 'pdf', 0, NULL)",
        "INSERT INTO contents VALUES (2, 'ab', 'f', 'pdf', 3, NULL)",
        "INSERT INTO pages (content_id, page_no) VALUES (1, 0)",
        "INSERT INTO pages (content_id, page_no) VALUES (7, 1)",
        "INSERT INTO pages (content_id, page_no, state) VALUES (1, 1, 'lost')",
        "INSERT INTO pages (content_id, page_no, state) VALUES (1, 1, 'failed')",
        "INSERT INTO pages (content_id, page_no, state, kind) VALUES (1, 1, 'done', 'timeout')",
        f"INSERT INTO documents VALUES ({DOCUMENT}, 'r', 2, NULL, 0, NULL)",
        f"INSERT INTO documents VALUES ({DOCUMENT}, 'other', 0, NULL, 0, NULL)",
        f"INSERT INTO documents VALUES ({DOCUMENT}, 'r', 0, 'lost', 0, NULL)",
        "UPDATE attempts SET state = 'done'",
        "INSERT INTO page_attempts VALUES (1, 1, 'succeeded', 'timeout', '', 't')",
    ],
)
def test_nonsense_cannot_be_recorded(db: sqlite3.Connection, sql: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        db.execute(sql)


def test_step_that_fails_leaves_the_ledger_at_its_old_version(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = len(migrations.STEPS)
    broken = "CREATE TABLE extra (a INTEGER) STRICT; INSERT INTO nowhere VALUES (1);"
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(db, "ledger")
    if db.in_transaction:
        db.execute("ROLLBACK")
    assert db.execute("PRAGMA user_version").fetchone() == (version,)
    assert not db.execute("SELECT name FROM sqlite_schema WHERE name = 'extra'").fetchall()


def test_step_is_applied_to_a_ledger_of_the_version_before(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = len(migrations.STEPS)
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, "CREATE TABLE extra (a INTEGER) STRICT;"))
    migrations.migrate(db, "ledger")
    assert db.execute("PRAGMA user_version").fetchone() == (version + 1,)
    assert db.execute("SELECT id FROM runs").fetchall() == [("r",)]
