"""The journal on SQLite and PostgreSQL, by one suite."""
