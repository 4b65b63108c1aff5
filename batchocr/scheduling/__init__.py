"""Lets the system start an ingest by itself: lines of a crontab, timers of systemd, tasks of Windows.

Writes nothing but what is installed, and replaces nothing but what it has installed for the same job.
"""
