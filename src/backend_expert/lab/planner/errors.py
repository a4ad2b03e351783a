"""What can go wrong with the server of the lab, each with a sentence that says what to do next."""

from __future__ import annotations

from pathlib import Path

from backend_expert.model import Text


class PlannerError(Exception):
    """Say in two languages why the planner lab cannot work."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class NoBinary(PlannerError):  # noqa: N818 - the base says that it is an error
    """No PostgreSQL of the supported major version was found."""


class RootNoUser(PlannerError):  # noqa: N818 - the base says that it is an error
    """PostgreSQL refuses to run as the superuser, and there is no other user to run it as."""


class BinaryNotReadable(PlannerError):  # noqa: N818 - the base says that it is an error
    """The unprivileged user cannot execute the binaries, and a copy for it could not be made."""


class StartFailed(PlannerError):  # noqa: N818 - the base says that it is an error
    """The server did not start; the text ends with the last lines of its log."""


class DiskFull(PlannerError):  # noqa: N818 - the base says that it is an error
    """There is no room for the data directory."""


class InputError(PlannerError):
    """A file that was handed in cannot be used at all."""


def reason_of(error: Exception) -> str:
    """Return the server's message on one line, without the position and the hints."""
    diagnosis = getattr(error, "diag", None)
    message = getattr(diagnosis, "message_primary", None) or str(error)
    return " ".join(str(message).split())[:200]


def disk_full(place: Path) -> DiskFull:
    """Return the error that says how much room is needed where."""
    return DiskFull(
        Text(
            f"There is no room in {place} for the planner's database (about 60 MB): free some, or set TMPDIR to another disk.",
            f"Não há espaço em {place} para o banco do planner (cerca de 60 MB): libere espaço ou aponte TMPDIR para outro disco.",
        )
    )
