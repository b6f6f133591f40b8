"""A command that loads a board: a shell script that asks this process to do it."""

import threading
from collections.abc import Callable
from pathlib import Path


class LoadRequests:
    """Calls ``load`` in a thread of its own whenever the script runs.

    Args:
        folder: For the script and its talk with this process.
        load: Powers the board up anew; returns what the script prints, nothing for success.
    """

    def __init__(self, folder: Path, load: Callable[[], str]) -> None:
        self._folder = folder
        self._load = load
        self._stop = threading.Event()
        self.script = folder / "load.sh"
        self.script.write_text(
            f"cd {folder}\n"
            "touch request\n"
            "while [ -e request ]; do sleep 0.01; done\n"
            "cat loader_says; test ! -s loader_says\n"
        )
        self.script.chmod(0o755)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def command(self) -> list[str]:
        """The command, as ``boards.toml`` writes it."""
        return ["sh", str(self.script), "{bitstream}"]

    def close(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            if (self._folder / "request").exists():
                (self._folder / "loader_says").write_text(self._load())
                (self._folder / "request").unlink()
