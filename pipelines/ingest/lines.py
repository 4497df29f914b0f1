"""The physical lines of a text source: decoded strictly, numbered, too long ones shortened."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.descriptors import TextFormat
from pipelines.errors import BadEncoding
from pipelines.ingest.streams import Content

KEPT_CHARACTERS = 256
"""Of a line that is too long."""
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass
class Lines:
    """An iterator over a text's lines with their ends: LF, CRLF and CR, also mixed."""

    content: Content
    form: TextFormat
    name: str
    max_length: int
    number: int = 0
    """Of the last line, from 1."""
    first: str = ""
    is_open: bool = False
    """Whether the last line had no end."""
    too_long: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[str]:
        """The lines.

        Raises:
            BadEncoding: A byte is not of the declared encoding; line and byte are named.
        """
        text = self._open()
        while line := self._next(text):
            self.number += 1
            if not line.isascii():
                self._check_encoding(line)
            self.is_open = line[-1] not in "\r\n"
            if len(line) >= self.max_length:
                line = self._shorten(text, line)
            self.first = self.first or line.strip("\r\n")
            yield line

    def _open(self) -> io.TextIOWrapper:
        encoding = "utf-8-sig" if self.form.encoding == "utf-8" else self.form.encoding
        found = _BOMS.get(self.content.head[:2])
        if found and found != self.form.encoding:
            raise self._refuse("the file starts with a UTF-16 byte order mark", 1, found)
        errors = "strict" if encoding == "utf-16" else "surrogateescape"
        return io.TextIOWrapper(self.content.stream, encoding=encoding, errors=errors, newline="")

    def _next(self, text: io.TextIOWrapper) -> str:
        try:
            return text.readline(self.max_length)
        except UnicodeError as error:
            raise self._refuse(f"not {self.form.encoding}: {error}", self.number + 1) from error

    def _check_encoding(self, line: str) -> None:
        try:
            line.encode()
        except UnicodeEncodeError as error:
            byte = ord(line[error.start]) & 0xFF
            what = f"byte 0x{byte:02x} at character {error.start + 1} is not {self.form.encoding}"
            raise self._refuse(what, self.number, "latin-1") from error

    def _shorten(self, text: io.TextIOWrapper, line: str) -> str:
        rest = line
        while rest and rest[-1] not in "\r\n":
            rest = self._next(text)
        self.is_open = not rest
        self.too_long.add(self.number)
        return line[:KEPT_CHARACTERS].replace('"', "") + "\n"

    def _refuse(self, what: str, line: int, encoding: str = "") -> BadEncoding:
        hint = f"if the file is {encoding}, set `encoding: {encoding}`" if encoding else ""
        return BadEncoding(
            what, where=[f"{self.name}, line {line}"], hint=hint or "write the file as UTF-8"
        )
