"""Opening boards: made, migrated, refused; and every migration gives the declared tables."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from synthestat.cycle import board as acts
from synthestat.cycle import queries
from synthestat.cycle.database import moment, now, open_board
from synthestat.cycle.roles import Actor, Role
from synthestat.cycle.schema import METADATA
from synthestat.cycle.values import NewTask
from synthestat.errors import BoardError

ANN = Actor.of("ann", "manager")


def test_migrations_give_the_declared_tables(board):
    with board.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, METADATA) == []


def test_a_board_opens_again_as_it_was_left(board, board_address):
    acts.create_task(board, ANN, NewTask("other", "Build", Role.MODELER))
    again = open_board(board_address)
    assert [task.title for task in queries.tasks(again)] == ["Build"]
    again.engine.dispose()


def test_a_board_of_a_newer_version_is_refused(board, board_address):
    with board.engine.connect().execution_options(changes=True) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'board_999'"))
        connection.commit()
    with pytest.raises(BoardError, match="cannot be read by this version"):
        open_board(board_address)


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (id INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(BoardError, match="other tables, and no board"):
        open_board(path)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://localhost/x", "not in mysql"),
        ("://", "address is none"),
        ("postgresql://nobody@/none?host=/nowhere", "no board can be opened"),
    ],
)
def test_an_address_that_is_no_board_is_said(address, said):
    with pytest.raises(BoardError, match=said):
        open_board(address)


def test_a_file_that_is_no_database_is_said(tmp_path):
    path = tmp_path / "board.sqlite"
    path.write_text("a letter to a friend, long enough to be read as a header of a file\n" * 20)
    with pytest.raises(BoardError, match="no board can be opened"):
        open_board(path)


def test_a_password_is_not_shown():
    with pytest.raises(BoardError) as caught:
        open_board("postgresql://me:secret@/none?host=/nowhere")
    assert "secret" not in str(caught.value)


def test_moments_are_ordered_as_text():
    first = moment(now())
    assert first <= moment(now())
    assert len(first) == len("2026-01-01T00:00:00.000000Z")
