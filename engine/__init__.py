"""The event trigger engine: one process, one event loop. ARCHITECTURE.md is the map."""

__version__ = "0.1.0"
