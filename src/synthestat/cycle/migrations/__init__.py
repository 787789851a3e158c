"""Migrations of the board, run by alembic when a board is opened."""
