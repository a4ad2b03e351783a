"""Join the handlers that code tells of with the components that run them: whom each step is for, and which operation answers."""

from backend_expert.readers.handlers.joined import trimmed, with_handlers

__all__ = ["trimmed", "with_handlers"]
