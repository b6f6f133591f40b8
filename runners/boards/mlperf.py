"""Host side of MLPerf Tiny's serial protocol, and of our own commands beside it.

The parsers take lines of text and are strict: what is not in the protocol is ``BoardGarbled`` with
the line in question, never a guess. ``Device`` does the talking over any board.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.faults import BoardGarbled, WrongResult
from contracts.measurement import LayerProfile
from runners.boards.board import Board

_EOL = b"\r\n"
_READY = "m-ready"
_BYTES_PER_COMMAND = 512
"""Our firmware takes any number; public clients send 31 or 32."""

_NAME = re.compile(r"m-name-dut-\[(.*)\]")
_NUMBER = "([0-9]{1,20})"
"""As many digits as 64 bits have: what is longer was not printed by our firmware."""
_REAL = r"-?[0-9]{1,40}(?:\.[0-9]{1,6})?"  # a float32 has up to 39
_LAP = re.compile(f"m-lap-us-{_NUMBER}")
_CYCLES = re.compile(f"m-cycles-{_NUMBER}")
_RESULTS = re.compile(rf"m-results-\[({_REAL}(?:,{_REAL})*)\]")
_OUTPUT = re.compile(r"m-output-\[((?:[0-9a-f]{2})+)\]")
_LAYER = re.compile(
    rf"m-layer-\[{_NUMBER},([a-z0-9_]+),([A-Z0-9_]+),([0-9]{{1,9}}(?:x[0-9]{{1,9}})*)"
    + f",{_NUMBER}" * 5
    + r"\]"
)
_CRC = re.compile(rf"m-crc-\[{_NUMBER},([0-9a-f]{{8}})\]")
_PROFILE = re.compile(r"m-profile-\[(.*)\]")
_MODEL = re.compile(r"m-model-\[(.*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """What ``infer`` answers.

    Attributes:
        begin_us: The board's clock before the first inference that counts.
        end_us: The same after the last one.
        results: The output as printed: integers, or dequantised to three decimals.
    """

    begin_us: int
    end_us: int
    results: tuple[float, ...]


def garbled(what: str, line: str) -> BoardGarbled:
    """Build the error for a line that is not in the protocol."""
    return BoardGarbled(
        f"{what}, the board said {line[:200]!r}",
        fix="check baud rate and cable; if it is always the same line, flash our firmware again",
    )


def parse_profile(lines: Sequence[str]) -> tuple[str, str]:
    """Read the answer to ``profile%``: firmware and model."""
    if len(lines) != 2:
        raise garbled("firmware and model were awaited", "\n".join(lines))
    return (
        _only(_PROFILE, lines[:1], "the firmware's name was awaited")[0],
        _only(_MODEL, lines[1:], "the model's name was awaited")[0],
    )


def parse_timestamp(lines: Sequence[str]) -> int:
    """Read the answer to ``timestamp%`` in microseconds."""
    return int(_only(_LAP, lines, "a time was awaited")[0])


def parse_cycles(lines: Sequence[str]) -> int:
    """Read the answer to ``cycles%``: those of the last inference."""
    return int(_only(_CYCLES, lines, "a number of cycles was awaited")[0])


def parse_results(lines: Sequence[str]) -> tuple[float, ...]:
    """Read the answer to ``results%``."""
    text = _only(_RESULTS, lines, "results were awaited")[0]
    return tuple(float(number) for number in text.split(","))


def parse_output(lines: Sequence[str]) -> bytes:
    """Read the answer to ``output%``: the output tensor's bytes."""
    return bytes.fromhex(_only(_OUTPUT, lines, "the output's bytes were awaited")[0])


def parse_inference(lines: Sequence[str], *, count: int, warmups: int) -> Inference:
    """Read the answer to ``infer COUNT WARMUPS%``."""
    awaited = (
        re.compile(f"m-warmup-start-{warmups}"),
        re.compile("m-warmup-done"),
        re.compile(f"m-infer-start-{count}"),
        _LAP,
        _LAP,
        re.compile("m-infer-done"),
        _RESULTS,
    )
    for pattern, line in zip(awaited, lines, strict=False):
        if not pattern.fullmatch(line):
            raise garbled(f"{pattern.pattern} was awaited", line)
    if len(lines) != len(awaited):
        raise garbled(f"{len(awaited)} lines about an inference were awaited", "\n".join(lines))
    begin_us, end_us = parse_timestamp(lines[3:4]), parse_timestamp(lines[4:5])
    if end_us < begin_us:
        raise garbled(f"a time after {begin_us} us was awaited", lines[4])
    return Inference(begin_us=begin_us, end_us=end_us, results=parse_results(lines[6:]))


def parse_layers(lines: Sequence[str]) -> tuple[LayerProfile, ...]:
    """Read the answer to ``layers%``: a line a layer of the last inference, in order."""
    layers = []
    for index, line in enumerate(lines):
        found = _LAYER.fullmatch(line)
        if found is None or int(found[1]) != index:
            raise garbled(f"the figures of layer {index} were awaited", line)
        layers.append(
            LayerProfile(
                index=index,
                name=found[2],
                operator=found[3],
                output_shape=tuple(int(size) for size in found[4].split("x")),
                macs=int(found[5]),
                cycles=int(found[6]),
                bytes_in=int(found[7]),
                bytes_out=int(found[8]),
                bytes_scratch=int(found[9]),
            )
        )
    if not layers:
        raise garbled("the figures of the layers were awaited", _READY)
    return tuple(layers)


def parse_crcs(lines: Sequence[str]) -> tuple[int, ...]:
    """Read the answer to ``check%``: the CRC-32 of each layer's output, in order."""
    if not lines or lines[0] != "m-check-done":
        raise garbled("m-check-done was awaited", lines[0] if lines else _READY)
    crcs = []
    for index, line in enumerate(lines[1:]):
        found = _CRC.fullmatch(line)
        if found is None or int(found[1]) != index:
            raise garbled(f"the CRC of layer {index} was awaited", line)
        crcs.append(int(found[2], 16))
    return tuple(crcs)


def first_difference(expected: Sequence[int], found: Sequence[int]) -> int | None:
    """Return the index of the first layer whose CRC differs, None when all agree."""
    for index, (left, right) in enumerate(zip(expected, found, strict=False)):
        if left != right:
            return index
    return None if len(expected) == len(found) else min(len(expected), len(found))


class Device:
    """A firmware that speaks the protocol, on any board.

    Args:
        board: Stays the caller's.
        timeout_s: For each answer but that of an inference.
        infer_timeout_s: For the answer of an inference or a check.
    """

    def __init__(self, board: Board, *, timeout_s: float, infer_timeout_s: float) -> None:
        self._board = board
        self._timeout_s = timeout_s
        self._infer_timeout_s = infer_timeout_s

    def connect(self) -> str:
        """Find the firmware and return its name; whatever came before is disregarded.

        Must be called first: the greeting of a board that comes up, or the rest of somebody
        else's answer, may be on the line.

        Raises:
            BoardSilent: No name came, whatever else did.
            BoardMissing: The board is not there any more.
            BoardGarbled: Something else stands behind the name.
        """
        self._board.send(b"%name%")  # the first ends what somebody else has begun
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            # The rest of a line that was cut off may stand before the name.
            found = _NAME.search(self._line(deadline_s - time.monotonic()))
            if found is not None:
                following = self._line(self._timeout_s)
                if following != _READY:
                    raise garbled(f"{_READY} was awaited", following)
                return found[1]

    def load(self, data: bytes) -> None:
        """Load an input tensor.

        Raises:
            BoardGarbled: The board wants another number of bytes, or lost some.
        """
        lines = self.command(f"db load {len(data)}")
        if lines != (f"m-[Expecting {len(data)} bytes]",):
            raise garbled(f"readiness for {len(data)} bytes was awaited", "\n".join(lines))
        for start in range(0, len(data), _BYTES_PER_COMMAND):
            piece = data[start : start + _BYTES_PER_COMMAND]
            is_last = start + _BYTES_PER_COMMAND >= len(data)
            lines = self.command(f"db {piece.hex()}")
            if lines != (("m-load-done",) if is_last else ()):
                raise garbled(
                    f"{'the end' if is_last else 'no end'} of the load was awaited after "
                    f"{start + len(piece)} of {len(data)} bytes",
                    "\n".join(lines) or _READY,
                )

    def infer(self, count: int = 1, warmups: int = 0) -> Inference:
        """Run the network ``warmups + count`` times on the loaded input."""
        lines = self.command(f"infer {count} {warmups}", timeout_s=self._infer_timeout_s)
        return parse_inference(lines, count=count, warmups=warmups)

    def check(self) -> tuple[int, ...]:
        """Run the network once and return the CRC-32 of each layer's output."""
        return parse_crcs(self.command("check", timeout_s=self._infer_timeout_s))

    def cycles(self) -> int:
        """Return the CPU cycles of the last inference."""
        return parse_cycles(self.command("cycles"))

    def layers(self) -> tuple[LayerProfile, ...]:
        """Return the figures of each layer of the last inference."""
        return parse_layers(self.command("layers"))

    def output(self) -> bytes:
        """Return the output tensor of the last inference."""
        return parse_output(self.command("output"))

    def profile(self) -> tuple[str, str]:
        """Return the names of the firmware and of the model."""
        return parse_profile(self.command("profile"))

    def command(self, text: str, *, timeout_s: float | None = None) -> tuple[str, ...]:
        """Send one command and return the lines of its answer without ``m-ready``.

        Raises:
            BoardGarbled: The board refused the command, or its answer is not text.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        self._board.send(f"{text}%".encode("ascii"))
        answer = self._board.receive_until(f"{_READY}\r\n".encode("ascii"), timeout_s=limit_s)
        lines = self._text(answer).split("\r\n")[:-2]
        for line in lines:
            if line.startswith("e-["):
                raise garbled(f"the board refused {text[:40]!r}", line)
        return tuple(lines)

    def _line(self, timeout_s: float) -> str:
        received = self._board.receive_until(_EOL, timeout_s=timeout_s)
        return received.decode("ascii", errors="replace").removesuffix("\r\n")

    def _text(self, answer: bytes) -> str:
        try:
            return answer.decode("ascii")
        except UnicodeDecodeError:
            raise garbled("text was awaited", answer.decode("latin-1")) from None


def _only(pattern: re.Pattern[str], lines: Sequence[str], what: str) -> tuple[str, ...]:
    """Match the one line of an answer."""
    found = pattern.fullmatch(lines[0]) if len(lines) == 1 else None
    if found is None:
        raise garbled(what, "\n".join(lines) or _READY)
    return tuple(found.groups())


def require_bit_exact(
    device: Device,
    golden: Mapping[str, Any],
    *,
    number: int,
    names: Sequence[str],
    was_inferred: bool,
) -> None:
    """Compare a golden inference, every layer of it, with the reference kernels.

    One more inference is run for it. The CRC of each of its layers decides as its output does: a
    classifier's output alone is often the same whatever happened before it.

    Args:
        device: Has the golden input loaded.
        golden: As stage ``golden`` writes it.
        number: Of the golden input.
        names: Of the layers, for the error.
        was_inferred: The input has been run before; that output is compared, too.

    Raises:
        WrongResult: A byte differs; the first layer that differs is named.
    """
    expected = bytes.fromhex(golden["output"])
    measured = device.output() if was_inferred else expected
    crcs = device.check()
    checked = device.output()
    first = first_difference(golden["layer_crcs"], crcs)
    if measured == checked == expected and first is None:
        return
    found = checked if measured == expected else measured
    if first is None:
        what = (
            "the output differs from TFLite's reference kernels;"
            " no layer differs when it is run again"
        )
    else:
        layer = names[first] if first < len(names) else f"layer {first}"
        differs = "the output differs" if found != expected else "a layer differs"
        what = f"{differs} from TFLite's reference kernels; the first layer that differs is {layer}"
    raise WrongResult(
        f"golden input {number}: {what}",
        fix="run `accuracy` on the host to tell a kernel's fault from the hardware's",
        detail=f"expected {expected.hex()}\nfound    {found.hex()}\n"
        f"expected CRCs {_crc_text(golden['layer_crcs'])}\nfound CRCs    {_crc_text(crcs)}",
    )


def _crc_text(crcs: Sequence[int]) -> str:
    return " ".join(f"{crc:08x}" for crc in crcs)
