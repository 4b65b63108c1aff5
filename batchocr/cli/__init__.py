"""The command line: parses, calls runs, prints, chooses the exit code. It touches no room between coordinator and pipeline."""
