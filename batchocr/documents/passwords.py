"""The passwords of encrypted PDFs, from a file of their own: they never reach settings, ledger, log or a message."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from batchocr.errors import ConfigError


@dataclass(frozen=True)
class PasswordFile:
    """Passwords by the name of the document; the first pattern that matches wins.

    Attributes:
        entries: pattern and password; never shown.
    """

    entries: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def load(cls, path: str | Path) -> PasswordFile:
        """Gives the passwords in a UTF-8 file: `pattern TAB password` a line; empty lines and `#` lines are left out.

        Raises:
            ConfigError: it cannot be read, or a line has no tab; names the line, never what is in it.
        """
        try:
            lines = Path(path).read_text("utf-8-sig").splitlines()
        except OSError as err:
            raise ConfigError(f"the password file {str(path)!r} cannot be read: {err.strerror}") from err
        except UnicodeDecodeError:
            # Not chained: the error would carry the file's bytes into a traceback.
            raise ConfigError(f"the password file {str(path)!r} is not UTF-8; save it as UTF-8") from None
        entries = []
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            pattern, tab, password = line.partition("\t")
            if not (pattern.strip() and tab and password):
                raise ConfigError(
                    f"line {number} of the password file {str(path)!r} is not `pattern TAB password`; "
                    "put one tab between the two"
                )
            entries.append((pattern.strip(), password))
        return cls(tuple(entries))

    def password_for(self, source: str) -> str | None:
        """Gives the password of a document, found by its source (POSIX, relative) or its bare name, or None."""
        name = source.rpartition("/")[2]
        for pattern, password in self.entries:
            if fnmatchcase(source, pattern) or fnmatchcase(name, pattern):
                return password
        return None
