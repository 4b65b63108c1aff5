"""The command line: parses, calls runs, prints, chooses the exit code.."""
