"""Schedules, supervises and records a run. Imports no engine and opens no document."""
