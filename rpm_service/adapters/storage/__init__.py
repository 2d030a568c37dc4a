"""Keeps everything on disk: one SQLite database in one directory, one process at a time."""
