"""Offline pages about what was built: one file per run, with no request leaving it."""
