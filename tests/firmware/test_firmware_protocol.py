"""The serial protocol, with the host's standard input and output as the line."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sw_templates.options import FirmwareOptions
from sw_templates.reference import Golden, golden_inferences, random_inputs
from tests.firmware.firmware_bench import host_firmware, load_bytes, small_network

READY = "m-ready\r\n"
BOOT = 4  # lines before the first command


class Device:
    """A firmware that answers one whole conversation."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.path, self.model = load_bytes(small_network(), folder)
        chosen = FirmwareOptions(**options)  # type: ignore[arg-type]
        self.program = host_firmware(self.model, folder / "fw", options=chosen, sanitise=True)

    def talk(self, text: str | bytes) -> str:
        """Return all that the device says to ``text`` after it has come up."""
        raw = text.encode() if isinstance(text, str) else text
        run = subprocess.run(
            [self.program], input=raw, capture_output=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr.decode()
        answer = run.stdout.decode("ascii")
        assert answer.endswith(READY)
        return "".join(answer.splitlines(keepends=True)[BOOT:])


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    return Device(tmp_path_factory.mktemp("device"), device_name="NYCU-CAS-LAB")


@pytest.fixture(scope="module")
def golden(device: Device) -> tuple[bytes, Golden]:
    given_bytes = random_inputs(device.model, count=1, seed=7)[0]
    return given_bytes, golden_inferences(device.path, device.model, [given_bytes])[0]


def loading(content: bytes, bytes_a_command: int = 31) -> str:
    pieces = [content[i : i + bytes_a_command] for i in range(0, len(content), bytes_a_command)]
    return f"db load {len(content)}%" + "".join(f"db {piece.hex()}%" for piece in pieces)


def integers(golden: Golden) -> str:
    return ",".join(str(v) for v in np.frombuffer(golden.output, np.int8))


def test_it_says_that_it_has_come_up(device: Device) -> None:
    run = subprocess.run([device.program], input=b"", capture_output=True, timeout=60, check=True)
    assert re.fullmatch(
        r"m-timestamp-mode-performance\r\nm-lap-us-\d+\r\nm-init-done\r\nm-ready\r\n",
        run.stdout.decode(),
    )


def test_names(device: Device) -> None:
    assert device.talk("name%") == "m-name-dut-[NYCU-CAS-LAB]\r\n" + READY
    assert re.fullmatch(
        r"m-profile-\[[^]]+\]\r\nm-model-\[network\]\r\nm-ready\r\n", device.talk("profile%")
    )


def test_a_timestamp(device: Device) -> None:
    assert re.fullmatch(r"m-lap-us-\d+\r\nm-ready\r\n", device.talk("timestamp%"))


@pytest.mark.parametrize("bytes_a_command", [1, 26, 31, 32, 168])
def test_an_inference_as_public_clients_ask_for_it(
    device: Device, golden: tuple[bytes, Golden], bytes_a_command: int
) -> None:
    given_bytes, expected = golden
    answer = device.talk(loading(given_bytes, bytes_a_command) + "infer 1 0%")
    loads = -(-len(given_bytes) // bytes_a_command)
    assert answer.startswith("m-[Expecting 168 bytes]\r\n" + READY)
    assert answer.count(READY) == loads + 2
    assert answer.count("m-load-done\r\n") == 1
    assert re.search(
        r"m-load-done\r\nm-ready\r\nm-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-1\r\n"
        r"m-lap-us-\d+\r\nm-lap-us-\d+\r\nm-infer-done\r\n"
        + re.escape(f"m-results-[{integers(expected)}]\r\n" + READY)
        + "$",
        answer,
    )


def test_an_input_can_be_used_again(device: Device, golden: tuple[bytes, Golden]) -> None:
    given_bytes, expected = golden
    answer = device.talk(loading(given_bytes) + "infer 3 2%infer%results%output%")
    assert "m-warmup-start-2\r\n" in answer
    assert "m-infer-start-3\r\n" in answer
    assert "m-warmup-start-10\r\n" in answer
    assert answer.count(f"m-results-[{integers(expected)}]") == 3
    assert f"m-output-[{expected.output.hex()}]\r\n" in answer


def test_layers_and_cycles_of_the_last_inference(
    device: Device, golden: tuple[bytes, Golden]
) -> None:
    answer = device.talk(loading(golden[0]) + "infer 1 0%cycles%layers%")
    total = int(re.search(r"m-cycles-(\d+)\r\n", answer).group(1))  # type: ignore[union-attr]
    rows = [row.split(",") for row in re.findall(r"m-layer-\[(.*)\]\r\n", answer)]
    assert [row[:5] for row in rows] == [
        [
            str(position),
            layer.name,
            layer.operator,
            "x".join(map(str, layer.output.shape)),
            str(layer.macs),
        ]
        for position, layer in enumerate(device.model.layers)
    ]
    assert [(int(row[6]), int(row[7])) for row in rows] == [
        (layer.bytes_in, layer.output.size_bytes) for layer in device.model.layers
    ]
    assert 0 < sum(int(row[5]) for row in rows) <= total


def test_check_names_the_crc_of_each_layer(device: Device, golden: tuple[bytes, Golden]) -> None:
    given_bytes, expected = golden
    answer = device.talk("layer-crc%" + loading(given_bytes) + "check%layer-crc%")
    lines = "".join(f"m-crc-[{i},{crc:08x}]\r\n" for i, crc in enumerate(expected.layer_crcs))
    assert answer.startswith("e-[Command 'layer-crc' requires 'check' first]\r\n")
    assert answer.endswith(READY + "m-check-done\r\n" + lines + READY + lines + READY)


def test_dequantised_results(tmp_path: Path, golden: tuple[bytes, Golden]) -> None:
    given_bytes, expected = golden
    answer = Device(tmp_path, results="floats").talk(loading(given_bytes) + "infer 1 0%")
    values = (np.frombuffer(expected.output, np.int8).astype(int) + 128) / 256
    assert f"m-results-[{','.join(f'{v:0.3f}' for v in values)}]\r\n" in answer


def test_uint8_pixels(tmp_path: Path, golden: tuple[bytes, Golden]) -> None:
    given_bytes, expected = golden
    pixels = bytes(byte ^ 0x80 for byte in given_bytes)
    answer = Device(tmp_path, inputs="uint8").talk(loading(pixels) + "infer 1 0%db print%")
    assert f"m-results-[{integers(expected)}]\r\n" in answer
    assert "m-buffer-" + "-".join(f"{byte:02x}" for byte in pixels[:8]) + "\r\n" in answer


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("xxxxxxxx30", "e-[Unknown command: xxxxxxxx30]"),
        ("names", "e-[Unknown command: names]"),
        ("", "e-[Unknown command: ]"),
        ("reboot now", "e-[Unknown command: reboot]"),
        ("x" * 500, f"e-[Unknown command: {'x' * 80}]"),
        ("infer 1 0", "e-[Input db has 0 bytes, expected 168]"),
        ("check", "e-[Input db has 0 bytes, expected 168]"),
        ("infer 0 0", "e-[Inference iterations must be >0]"),
        ("infer -1 0", "e-[Inference iterations must be >0]"),
        ("infer 1 -1", "e-[Inference warmup must be >=0]"),
        ("db", "e-[Command 'db' requires a subcommand]"),
        ("db load", "e-[Command 'db load' requires the # of bytes]"),
        ("db load 0", "e-[Command 'db load' must be >0 bytes]"),
        ("db load 99999999999999", "e-[Supplied buffer size 2147483647 is not the input's 168]"),
        ("db load 167", "e-[Supplied buffer size 167 is not the input's 168]"),
        ("db 00", "e-[Command 'db' requires 'db load' first]"),
        ("db xx", "e-[Invalid hex digit 'x']"),
        ("db load 168%db 0g", "e-[Invalid hex digit 'g']"),
        ("db load 168%db 0\0" + "00" * 168, "e-[Invalid hex digit '?']"),
        ("db load 168%db 0\x1b", "e-[Invalid hex digit '?']"),
        ("db load 168%db 0\x7f", "e-[Invalid hex digit '?']"),
        ("db \x7f", "e-[Invalid hex digit '?']"),
        ("db load 168%db 012", "e-[Insufficent number of hex digits]"),
    ],
)
def test_what_is_wrong_is_answered(device: Device, command: str, error: str) -> None:
    answer = device.talk(f"{command}%name%")
    assert f"{error}\r\n{READY}" in answer
    assert answer.endswith("m-name-dut-[NYCU-CAS-LAB]\r\n" + READY)


def test_a_byte_that_is_no_letter_is_never_repeated(device: Device) -> None:
    answer = device.talk(b"db load 168%db 0\x80%db \xff%\x80%name%")
    assert answer.count("e-[Invalid hex digit '?']") == 2
    assert "e-[Unknown command: ?]" in answer


def test_a_faulty_command_loads_nothing(device: Device, golden: tuple[bytes, Golden]) -> None:
    given_bytes, expected = golden
    text = loading(given_bytes[:160] + bytes(8), 16)
    first, rest = text.rsplit("db ", 1)
    answer = device.talk(first + "db 0102x%db 010%db " + given_bytes[160:].hex() + "%infer 1 0%")
    assert rest == "00" * 8 + "%"
    assert f"m-results-[{integers(expected)}]\r\n" in answer


def test_digits_beyond_the_input_are_disregarded(
    device: Device, golden: tuple[bytes, Golden]
) -> None:
    given_bytes, expected = golden
    answer = device.talk(f"db load 168%db {given_bytes.hex()}{'ff' * 4096}%db ff%infer 1 0%")
    assert f"m-results-[{integers(expected)}]\r\n" in answer
    assert answer.count("m-load-done") == 1


def test_ends_of_lines_do_not_matter(device: Device) -> None:
    assert device.talk("name%\r\n\n name\n%\n").count("m-name-dut-[NYCU-CAS-LAB]") == 2


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    junk=st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from(
                [b"db load 168%", b"db 0011", b"db ", b"infer 1 0%", b"%", b"check%", b"db print%"]
            ),
        ),
        max_size=12,
    )
)
def test_junk_never_hurts(device: Device, junk: list[bytes]) -> None:
    answer = device.talk(b"".join(junk) + b"%name%")
    assert answer.endswith("m-name-dut-[NYCU-CAS-LAB]\r\n" + READY)
