"""The common way to SQLite and PostgreSQL."""
