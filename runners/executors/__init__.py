"""Where trials run: an executor takes jobs and brings back stage events and outcomes."""

from runners.executors.interface import Event, Executor, Finished, Progress

__all__ = ["Event", "Executor", "Finished", "Progress"]
