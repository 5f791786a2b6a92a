"""Migrations of the store's schema, run by alembic when a database is opened."""
