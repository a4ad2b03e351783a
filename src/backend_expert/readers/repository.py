"""A safe, bounded, read-only view of a directory tree: nothing outside it is opened, nothing huge is loaded, nothing is run."""

from __future__ import annotations

import errno
import fnmatch
import hashlib
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from backend_expert.model import Text, Unread

FILE_LIMIT = 100_000
"""Most files of one tree: seven public back ends of up to 40 services have 95 to 591; the factor leaves room for monorepos."""

DEPTH_LIMIT = 32
"""Deepest directory that is entered: the deepest in the same seven repositories is 11 (Java packages)."""

SIZE_LIMIT = 4 * 1024 * 1024
"""Largest file that is read, in bytes: the largest YAML file in the same repositories has 69 kB."""

LEFT_OUT = frozenset({".git", ".hg", ".svn", ".venv", "__pycache__", "dist", "node_modules", "target", "vendor", "venv"})
"""Directories of copies and products: what stands in them is not the source of anything that is deployed."""

BUILDERS = frozenset(
    {"build.gradle", "build.gradle.kts", "CMakeLists.txt", "gradlew", "package.json", "pyproject.toml", "setup.py"}
)
"""Files of tools that write what they make into `build`; where none stands beside it, people keep scripts and deployments there."""


class NothingToRead(Exception):  # noqa: N818 (the name is the sentence a user sees; it is no defect of the program)
    """Say that there is nothing to review at the path; `text` says it in both languages and what to do next."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class Repository:
    """Show the regular files under `root`, sorted, as relative paths with forward slashes.

    What cannot be read (a link that leaves the root, a file above `SIZE_LIMIT`, bytes that are no text) is listed in `unread` once:
    at opening for the tree itself, at `text` for the content of a file. `looked` holds the digest of every file that was asked for.
    """

    def __init__(self, root: Path, files: tuple[str, ...], unread: list[Unread]) -> None:
        self.root = root
        self.files = files
        self.unread = unread
        self.looked: dict[str, str] = {}
        self._known = frozenset(files)

    @classmethod
    def open(cls, root: Path) -> Repository:
        """Return the view of a directory, or of one file; raise `NothingToRead` when there is nothing at the path."""
        shown = str(root)
        try:
            resolved = root.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            raise NothingToRead(
                Text(
                    f"{shown}: there is nothing at this path; give the directory of a repository.",
                    f"{shown}: não há nada neste caminho; informe o diretório de um repositório.",
                )
            ) from None
        if resolved.is_file():
            return cls(resolved.parent, (resolved.name,), [])
        if not resolved.is_dir() or not os.access(resolved, os.R_OK | os.X_OK):
            raise NothingToRead(
                Text(
                    f"{shown}: this is not a directory that can be read; give the directory of a repository.",
                    f"{shown}: não é um diretório que possa ser lido; informe o diretório de um repositório.",
                )
            )
        unread: list[Unread] = []
        files = _files(resolved, unread)
        if not files:
            raise NothingToRead(
                Text(
                    f"{shown}: there is no file in this directory that could be reviewed; give the directory of a repository.",
                    f"{shown}: não há neste diretório nenhum arquivo para revisar; informe o diretório de um repositório.",
                )
            )
        return cls(resolved, files, unread)

    def view(self) -> Repository:
        """Return the same files with nothing looked at and nothing left out yet."""
        return Repository(self.root, self.files, [])

    def __contains__(self, path: str) -> bool:
        """Tell whether the relative path is one of the files."""
        return path in self._known

    def text(self, path: str) -> str | None:
        """Return the text of a file, or `None` when it cannot be read; the reason is then in `unread`."""
        content = self._looked(path)
        if isinstance(content, OSError):
            reason = (content.strerror or "error").lower()
            self.leave(path, Text(f"it could not be opened ({reason})", f"não foi possível abrir ({reason})"))
            return None
        if len(content) > SIZE_LIMIT:
            megabytes = SIZE_LIMIT // (1024 * 1024)
            self.leave(
                path,
                Text(
                    f"it is larger than {megabytes} MB; no file that people write by hand is",
                    f"tem mais de {megabytes} MB; nenhum arquivo escrito à mão tem esse tamanho",
                ),
            )
            return None
        if b"\0" in content:
            self.leave(path, Text("it is binary, not text", "é binário, não texto"))
            return None
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.leave(path, Text("it is not UTF-8; save it as UTF-8", "não está em UTF-8; salve em UTF-8"), line=line)
            return None
        return text.replace("\r\n", "\n")

    def digest(self, path: str) -> str:
        """Return what identifies the content of a file as far as it is read, or the error that opening it gives."""
        if path not in self.looked:
            self._looked(path)
        return self.looked[path]

    def matching(self, *patterns: str) -> tuple[str, ...]:
        """Return the files that match a glob; one without a slash is compared with the name, any other with the whole path."""
        names = [re.compile(fnmatch.translate(pattern)).match for pattern in patterns if "/" not in pattern]
        paths = [re.compile(fnmatch.translate(pattern)).match for pattern in patterns if "/" in pattern]
        return tuple(
            path
            for path in self.files
            if any(match(posixpath.basename(path)) for match in names) or any(match(path) for match in paths)
        )

    def leave(self, path: str, reason: Text, line: int = 0, partly: bool = False) -> None:
        """List a file, or a line of it, as not read."""
        entry = Unread(printable(path), line, reason, partly)
        if entry not in self.unread:
            self.unread.append(entry)

    def _looked(self, path: str) -> bytes | OSError:
        """Return the content of a file or why there is none, and keep its digest."""
        try:
            content = self._content(path)
        except OSError as error:
            self.looked[path] = f"error {error.errno}"
            return error
        self.looked[path] = hashlib.blake2b(content, digest_size=16).hexdigest()
        return content

    def _content(self, path: str) -> bytes:
        """Read at most one byte more than the limit, and only from a regular file inside the root."""
        if path not in self._known:
            raise FileNotFoundError(errno.ENOENT, "no such file", path)
        target = (self.root / path).resolve(strict=True)
        if not target.is_relative_to(self.root):
            raise PermissionError(errno.EPERM, "a link out of the repository", path)
        descriptor = os.open(target, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EINVAL, "not a regular file", path)
            return file.read(SIZE_LIMIT + 1)


def beside(file: str, relative: str) -> str | None:
    """Return the path that `relative` means in `file`, from the root; `None` when it is absolute or leaves the root.

    The root itself is `.`; backslashes are taken as slashes, as Compose does on Windows.
    """
    relative = relative.replace("\\", "/")
    if relative.startswith(("/", "~")) or re.match(r"[A-Za-z]:/", relative) or "\0" in relative:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(file), relative))
    return None if joined == ".." or joined.startswith("../") else joined


def before_building(directory: str) -> str:
    """Return where the sources of a build directory stand: a tool puts what it makes into `orders/target`, people write in `orders`."""
    above, _, last = directory.rpartition("/")
    return above if above and last in {*LEFT_OUT, "build"} else directory


def printable(name: str) -> str:
    """Return a name with everything that is no printable character escaped, so that a file name cannot steer a terminal."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in name)


def _files(root: Path, unread: list[Unread]) -> tuple[str, ...]:
    files: list[str] = []
    links: list[tuple[str, str]] = []
    aside: dict[str, int] = {}
    for path, target in _walk(root, unread, aside):
        if target is None:
            files.append(path)
        else:
            links.append((path, target))
        if len(files) >= FILE_LIMIT:
            unread.append(
                Unread(
                    ".",
                    0,
                    Text(
                        f"there are more than {FILE_LIMIT:,} files; the rest was left out: review one part of the tree",
                        f"há mais de {FILE_LIMIT} arquivos; o resto ficou de fora: revise uma parte da árvore",
                    ),
                    partly=True,
                )
            )
            break
    if aside:
        shown = ", ".join(f"{name} ({aside[name]})" for name in sorted(aside))
        reason = Text(
            f"directories of copies and products were not entered: {shown}",
            f"não se entrou em diretórios de cópias e produtos: {shown}",
        )
        unread.append(Unread(".", 0, reason, partly=True))
    known = frozenset(files)
    # A link to a file that is listed under its own name would only say everything twice.
    files.extend(path for path, target in links if target not in known and (root / target).is_file())
    return tuple(sorted(files))


def _walk(root: Path, unread: list[Unread], aside: dict[str, int]) -> Iterator[tuple[str, str | None]]:
    """Yield the files in order of their paths, links with the target inside the root; count the directories that are left aside."""
    waiting: list[tuple[str, int]] = [("", 0)]
    while waiting:
        directory, depth = waiting.pop()
        try:
            with os.scandir(root / directory) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            reason = (error.strerror or "error").lower()
            unread.append(
                Unread(printable(directory), 0, Text(f"it could not be opened ({reason})", f"não foi possível abrir ({reason})"))
            )
            continue
        below = []
        made = LEFT_OUT | {"build"} if any(entry.name in BUILDERS for entry in entries) else LEFT_OUT
        for entry in entries:
            path = f"{directory}/{entry.name}" if directory else entry.name
            if printable(path) != path:
                reason_text = Text(
                    "its name holds characters that cannot be printed", "o nome tem caracteres que não podem ser impressos"
                )
                unread.append(Unread(printable(path), 0, reason_text))
            elif entry.is_symlink():
                yield from _link(root, path, unread)
            elif entry.is_dir(follow_symlinks=False):
                if entry.name not in made:
                    below.append((path, depth + 1))
                elif not entry.name.startswith((".", "__")):
                    aside[entry.name] = aside.get(entry.name, 0) + 1
            elif entry.is_file(follow_symlinks=False):
                yield path, None
            else:
                unread.append(Unread(path, 0, Text("it is not a regular file", "não é um arquivo comum")))
        if depth >= DEPTH_LIMIT and below:
            reason_text = Text(
                f"it is nested deeper than {DEPTH_LIMIT} directories", f"está abaixo de mais de {DEPTH_LIMIT} níveis de diretórios"
            )
            unread.extend(Unread(path, 0, reason_text) for path, _ in below)
        else:
            waiting.extend(reversed(below))


def _link(root: Path, path: str, unread: list[Unread]) -> Iterator[tuple[str, str]]:
    """Yield a link to a file inside the root; directories inside the root are read under their own name."""
    try:
        target = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):
        reason = Text(
            "it is a link that leads nowhere or to itself", "é um link que não leva a lugar nenhum ou aponta para si mesmo"
        )
        unread.append(Unread(path, 0, reason))
        return
    if not target.is_relative_to(root):
        reason = Text(
            "it is a link out of the repository, which is never followed", "é um link para fora do repositório, que nunca é seguido"
        )
        unread.append(Unread(path, 0, reason))
    elif target.is_file():
        yield path, target.relative_to(root).as_posix()
