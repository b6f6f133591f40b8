"""Simulated meters: programs, an LPM01A on a pseudo-terminal, the packages of two makers."""

import sys
import textwrap
import threading
import time
import types
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.boards.pty_device import PtyDevice

Watts = Callable[[], float]


def program(body: str) -> list[str]:
    """A command that runs some lines of Python, unbuffered."""
    return [sys.executable, "-u", "-c", "import time, sys\n" + textwrap.dedent(body)]


def steady(watts: float, *, period_s: float = 0.01) -> list[str]:
    """A command that prints the same power again and again."""
    return program(f"while True:\n    print({watts})\n    time.sleep({period_s})\n")


class Lpm01a:
    """What an LPM01A says to its commands, a thousand energies a second.

    Args:
        watts: What it measures.
        stops_after: Readings after which ``at_end`` is said.
        at_end: Text, or None for going away.
    """

    def __init__(
        self, watts: float, *, stops_after: int = 10**9, at_end: bytes | None = None
    ) -> None:
        self.commands: list[str] = []
        self._watts = watts
        self._stops_after = stops_after
        self._at_end = at_end
        self._pending = b""
        self._is_running = False

    def answer(self, line: PtyDevice, data: bytes) -> None:
        self._pending += data
        while b"\n" in self._pending:
            command, self._pending = self._pending.split(b"\n", 1)
            self.commands.append(command.decode())
            if command == b"stop":
                self._is_running = False
                line.say(b"PowerShield > Acquisition completed\r\n")
                continue
            line.say(b"PowerShield > ack " + command + b"\r\n")
            if command == b"start":
                self._is_running = True
                threading.Thread(target=self._measure, args=(line,), daemon=True).start()

    def _measure(self, line: PtyDevice) -> None:
        mantissa = round(self._watts * 1e-3 * 1e7)  # joules of a millisecond
        said, began_s = 0, time.monotonic()
        while self._is_running:
            due = min(int(1000 * (time.monotonic() - began_s)), self._stops_after) - said
            line.say(b"%04d-07\r\n" % mantissa * due)
            if (said + due) // 100 > said // 100:
                line.say(b"\0TimeStamp: 000s 100ms, buff 00%\r\n")
            said += due
            if said >= self._stops_after:
                if self._at_end is None:
                    line.vanish()
                else:
                    line.say(self._at_end)
                return
            time.sleep(0.005)


class FakePpk2:
    """The class of the package ppk2-api, as far as it is used: 100,000 microamperes a second."""

    watts: Watts = staticmethod(lambda: 0.5)
    calibration: Any = True
    gone_after_s: float | None = None
    returns_list = False
    calls: list[Any]

    def __init__(self, port: str, **_: object) -> None:
        if port == "nowhere":
            raise FileNotFoundError(2, "could not open port nowhere")
        type(self).calls = [port]
        self.ser = types.SimpleNamespace(close=lambda: self.calls.append("closed"))
        self._volts = 0.0
        self._began_s = self._read_s = time.monotonic()

    def get_modifiers(self) -> Any:
        return self.calibration

    def use_source_meter(self) -> None:
        self.calls.append("source")

    def use_ampere_meter(self) -> None:
        self.calls.append("ampere")

    def set_source_voltage(self, millivolts: int) -> None:
        self._volts = millivolts / 1000

    def toggle_DUT_power(self, state: str) -> None:
        self.calls.append(state)

    def start_measuring(self) -> None:
        self._began_s = self._read_s = time.monotonic()

    def stop_measuring(self) -> None:
        self.calls.append("stop")

    def get_data(self) -> bytes:
        now_s = time.monotonic()
        if self.gone_after_s is not None and now_s - self._began_s > self.gone_after_s:
            raise OSError(5, "Input/output error")
        count, self._read_s = int((now_s - self._read_s) * 1e5), now_s
        return bytes(4 * count)

    def get_samples(self, content: bytes) -> Any:
        amperes = self.watts() / self._volts
        samples = [amperes * 1e6] * (len(content) // 4)
        return samples if self.returns_list else (samples, [0] * len(samples))


def with_ppk2(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> type[FakePpk2]:
    """Put the fake package where the real one would be; return its class."""
    made = type("PPK2_API", (FakePpk2,), attributes)
    module = types.ModuleType("ppk2_api.ppk2_api")
    module.PPK2_API = made  # type: ignore[attr-defined]
    package = types.ModuleType("ppk2_api")
    package.__spec__ = types.SimpleNamespace(name="ppk2_api")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "ppk2_api", package)
    monkeypatch.setitem(sys.modules, "ppk2_api.ppk2_api", module)
    return made


class FakeDriver:
    """The class of the package pyjoulescope-driver, as far as it is used."""

    paths: Sequence[str] = ("u/js220/000123",)
    watts: Watts = staticmethod(lambda: 0.5)
    refuses = False
    says: Any = None
    published: dict[str, Any]

    def __init__(self) -> None:
        type(self).published = {}
        self._stop = threading.Event()

    def device_paths(self) -> list[str]:
        return list(type(self).paths)

    def open(self, path: str) -> None:
        if self.refuses:
            raise RuntimeError(f"open {path} failed")

    def publish(self, topic: str, value: Any) -> None:
        self.published[topic] = value

    def subscribe(self, topic: str, _flags: str, take: Callable[[str, Any], None]) -> None:
        def serve() -> None:
            while not self._stop.wait(0.05):
                value = {"signals": {"power": {"avg": {"value": self.watts(), "units": "W"}}}}
                if topic.removesuffix("/s/stats/value") in type(self).paths:
                    take(topic, self.says or value)

        threading.Thread(target=serve, daemon=True).start()

    def unsubscribe(self, _topic: str, _take: Callable[[str, Any], None]) -> None:
        self._stop.set()

    def close(self, _path: str) -> None: ...

    def finalize(self) -> None:
        self._stop.set()
        self.published["finalized"] = True


def with_joulescope(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> type[FakeDriver]:
    """Put the fake package where the real one would be; return its class."""
    made = type("Driver", (FakeDriver,), attributes)
    module = types.ModuleType("pyjoulescope_driver")
    module.Driver = made  # type: ignore[attr-defined]
    module.__spec__ = types.SimpleNamespace(name="pyjoulescope_driver")  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "pyjoulescope_driver", module)
    return made
