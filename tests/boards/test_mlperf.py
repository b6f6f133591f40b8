"""The host side of the serial protocol: strict readers of text, and a conversation."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contracts.faults import BoardGarbled, BoardMissing, BoardSilent
from contracts.measurement import LayerProfile
from runners.boards import FaultyBoard, LineFault, SerialBoard, mlperf
from runners.boards.mlperf import Device
from tests.boards.pty_device import PtyDevice, device, scripted

READY = b"m-ready\r\n"
GREETING = b"m-timestamp-mode-performance\r\nm-lap-us-41\r\nm-init-done\r\n" + READY
INFERENCE = [
    "m-warmup-start-2",
    "m-warmup-done",
    "m-infer-start-1",
    "m-lap-us-100",
    "m-lap-us-250",
    "m-infer-done",
    "m-results-[-128,0,127]",
]
LAYER = "m-layer-[0,conv2d_0,CONV_2D,1x32x32x16,442368,1234567890123,3520,16384,432]"


# Readers


def test_a_layers_figures() -> None:
    assert mlperf.parse_layers([LAYER]) == (
        LayerProfile(
            index=0,
            name="conv2d_0",
            operator="CONV_2D",
            output_shape=(1, 32, 32, 16),
            macs=442368,
            cycles=1234567890123,
            bytes_in=3520,
            bytes_out=16384,
            bytes_scratch=432,
        ),
    )


def test_single_answers() -> None:
    assert mlperf.parse_profile(["m-profile-[a 1.0]", "m-model-[ic01]"]) == ("a 1.0", "ic01")
    assert mlperf.parse_timestamp(["m-lap-us-17"]) == 17
    assert mlperf.parse_cycles(["m-cycles-18446744073709551615"]) == (1 << 64) - 1
    assert mlperf.parse_output(["m-output-[80007f]"]) == b"\x80\x00\x7f"
    assert mlperf.parse_crcs(["m-check-done", "m-crc-[0,deadbeef]"]) == (0xDEADBEEF,)
    assert mlperf.parse_results(["m-results-[0.004,0.996]"]) == (0.004, 0.996)


def test_an_inference() -> None:
    assert mlperf.parse_inference(INFERENCE, count=1, warmups=2) == mlperf.Inference(
        begin_us=100, end_us=250, results=(-128, 0, 127)
    )


@pytest.mark.parametrize(
    ("parse", "lines"),
    [
        (mlperf.parse_timestamp, []),
        (mlperf.parse_timestamp, ["m-lab-us-1"]),
        (mlperf.parse_timestamp, ["m-lap-us-1", "m-lap-us-1"]),
        (mlperf.parse_profile, ["m-model-[ic01]"]),
        (mlperf.parse_profile, ["m-model-[ic01]", "m-profile-[a]"]),
        (mlperf.parse_timestamp, ["m-lap-us-1x"]),
        (mlperf.parse_timestamp, ["m-lap-us-"]),
        (mlperf.parse_cycles, ["m-cycles--1"]),
        (mlperf.parse_results, ["m-results-[]"]),
        (mlperf.parse_results, ["m-results-[1,,2]"]),
        (mlperf.parse_results, ["m-results-[1.2.3]"]),
        (mlperf.parse_output, ["m-output-[abc]"]),
        (mlperf.parse_output, ["m-output-[]"]),
        (mlperf.parse_layers, []),
        (mlperf.parse_layers, [LAYER.replace("[0", "[1")]),
        (mlperf.parse_layers, [LAYER, LAYER]),
        (mlperf.parse_layers, [LAYER.replace(",432", "")]),
        (mlperf.parse_layers, [LAYER.replace("1x32", "x32")]),
        (mlperf.parse_crcs, ["m-crc-[0,deadbeef]"]),
        (mlperf.parse_crcs, ["m-check-done", "m-crc-[0,dead]"]),
        (mlperf.parse_crcs, ["m-check-done", "m-crc-[1,deadbeef]"]),
    ],
)
def test_anything_else_is_garbled_and_quoted(
    parse: Callable[[list[str]], Any], lines: list[str]
) -> None:
    with pytest.raises(BoardGarbled, match=r"was awaited|were awaited") as garbled:
        parse(lines)
    assert "the board said '" in str(garbled.value)
    assert "fix:" in str(garbled.value)


@pytest.mark.parametrize("missing", range(len(INFERENCE)))
def test_an_inference_with_a_line_missing_or_twice_is_garbled(missing: int) -> None:
    for lines in (
        INFERENCE[:missing] + INFERENCE[missing + 1 :],
        INFERENCE[: missing + 1] + INFERENCE[missing:],
    ):
        with pytest.raises(BoardGarbled):
            mlperf.parse_inference(lines, count=1, warmups=2)


def test_time_does_not_run_backwards() -> None:
    lines = [*INFERENCE[:4], "m-lap-us-99", *INFERENCE[5:]]
    with pytest.raises(BoardGarbled, match="a time after 100 us"):
        mlperf.parse_inference(lines, count=1, warmups=2)


def test_the_first_wrong_layer() -> None:
    assert mlperf.first_difference([1, 2, 3], [1, 2, 3]) is None
    assert mlperf.first_difference([1, 2, 3], [1, 9, 8]) == 1
    assert mlperf.first_difference([1, 2, 3], [1, 2]) == 2


# Conversations


ANSWERS: dict[bytes, Any] = {
    b"name": b"m-name-dut-[test]\r\n" + READY,
    b"db load 3": b"m-[Expecting 3 bytes]\r\n" + READY,
    b"db 0180ff": b"m-load-done\r\n" + READY,
    b"infer 1 2": "".join(f"{line}\r\n" for line in INFERENCE).encode() + READY,
    b"cycles": b"m-cycles-7\r\n" + READY,
    b"layers": LAYER.encode() + b"\r\n" + READY,
    b"output": b"m-output-[00]\r\n" + READY,
    b"check": b"m-check-done\r\nm-crc-[0,00000001]\r\n" + READY,
    b"profile": b"m-profile-[a]\r\nm-model-[b]\r\n" + READY,
    b"results": b"m-results-[\xff]\r\n" + READY,
}


@pytest.fixture
def line() -> Iterator[PtyDevice]:
    with device(scripted(ANSWERS)) as made:
        yield made


@pytest.fixture
def board(line: PtyDevice) -> Iterator[SerialBoard]:
    made = SerialBoard(line.path, baud=115200)
    yield made
    made.close()


def talk(board: Any, timeout_s: float = 30.0) -> Device:
    return Device(board, timeout_s=timeout_s, infer_timeout_s=timeout_s)


def test_a_whole_conversation(board: SerialBoard) -> None:
    to = talk(board)
    assert to.connect() == "test"
    assert to.profile() == ("a", "b")
    to.load(b"\x01\x80\xff")
    assert to.infer(1, 2).results == (-128, 0, 127)
    assert to.cycles() == 7
    assert [layer.name for layer in to.layers()] == ["conv2d_0"]
    assert to.output() == b"\x00"
    assert to.check() == (1,)


@pytest.mark.parametrize(
    "before", [GREETING, b"reet\r\n" + READY, b"m-results-[12", b"\x00\xff\xfe", READY * 3]
)
def test_what_is_on_the_line_before_the_first_command_does_not_hurt(
    line: PtyDevice, board: SerialBoard, before: bytes
) -> None:
    line.say(before)
    board.send(b"xxxxxxxx30%abc")
    assert talk(board).connect() == "test"
    assert talk(board).cycles() == 7


def test_a_refused_command_is_quoted(board: SerialBoard) -> None:
    with pytest.raises(BoardGarbled, match=re.escape("refused 'dance', the board said 'e-[Unk")):
        talk(board).command("dance")


def test_a_board_that_lost_bytes_of_the_input_is_found_out(board: SerialBoard) -> None:
    ANSWERS_SHORT = {**ANSWERS, b"db 0180ff": READY}
    with device(scripted(ANSWERS_SHORT)) as line:
        other = SerialBoard(line.path, baud=115200)
        with pytest.raises(BoardGarbled, match="after 3 of 3 bytes, the board said 'm-ready'"):
            talk(other).load(b"\x01\x80\xff")
        other.close()
    with pytest.raises(BoardGarbled, match="refused 'db load 2'"):
        talk(board).load(b"ab")


def test_bytes_that_are_no_text_are_garbled(board: SerialBoard) -> None:
    with pytest.raises(BoardGarbled, match="text was awaited"):
        talk(board).command("results")


def test_a_partial_line_in_the_middle_of_an_inference_is_silence() -> None:
    answers = {b"infer 1 0": b"m-warmup-start-0\r\nm-warmup-do"}
    with device(scripted(answers)) as line:
        board = SerialBoard(line.path, baud=115200)
        with pytest.raises(BoardSilent, match="the last are b'm-warmup-start-0"):
            talk(board, 0.3).infer()
        board.close()


def test_a_board_that_vanishes_in_the_middle_of_an_inference_is_missing() -> None:
    def die(line: PtyDevice) -> None:
        line.say(b"m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\nm-lap")
        line.vanish()

    with device(scripted({b"infer 1 0": die})) as line:
        board = SerialBoard(line.path, baud=115200)
        with pytest.raises(BoardMissing, match="went away"):
            talk(board).infer()
        board.close()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (LineFault.SILENCE, BoardSilent),
        (LineFault.GARBAGE, BoardGarbled),
        (LineFault.DROPPED, BoardGarbled),
        (LineFault.DOUBLED, BoardGarbled),
        (LineFault.VANISH, BoardMissing),
    ],
)
def test_faults_on_the_line_are_told_apart(
    board: SerialBoard, fault: LineFault, error: type[Exception]
) -> None:
    with pytest.raises(error, match="fix:"):
        talk(FaultyBoard(board, fault)).layers()
