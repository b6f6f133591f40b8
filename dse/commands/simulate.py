"""A network in NumPy, layer by layer, beside its C on this computer and TFLite's reference."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dse.output.report import table_text
from runners.job import SampleEncoding, Workload, job_without_design
from runners.pipeline import Cache, default_root
from runners.reference import require_reference
from runners.samples.files import read_samples
from runners.stages.all import pipeline_of
from runners.tools import run_tool
from sw_templates.build import HOST_NAME
from sw_templates.host import batch_answers, batch_command
from sw_templates.model import Model
from sw_templates.oracle.simulation import simulate_network
from sw_templates.reference import Golden, Inference, random_inputs, reference_inferences
from sw_templates.tflite_import import load_model

_LIMIT_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedLayer:
    """What came out of one layer.

    Attributes:
        name: Kernel and number in the file.
        operator: TFLite's name.
        shape: Of the first output.
        crc: CRC-32 of its output at the first input in NumPy, as ``check%`` prints it; in
            hexadecimal.
        of_firmware: At how many inputs the C on this computer has the same bytes.
        of_reference: At how many TFLite's reference kernels do.
        difference: Where the first byte differs from the reference's, and how; empty without one.
    """

    name: str
    operator: str
    shape: tuple[int, ...]
    crc: str
    of_firmware: int
    of_reference: int
    difference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A network in NumPy, compared layer by layer.

    Attributes:
        model: The file.
        inferences: How many inputs there were.
        layers: In execution order.
    """

    model: str
    inferences: int
    layers: tuple[SimulatedLayer, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every layer has everybody's bytes at every input."""
        counts = ((layer.of_firmware, layer.of_reference) for layer in self.layers)
        return all(count == (self.inferences, self.inferences) for count in counts)


def simulate_file(
    path: Path,
    *,
    inferences: int,
    seed: int,
    operator_folders: Sequence[Path] = (),
    samples: Path | None = None,
    sample_encoding: SampleEncoding | None = None,
) -> Simulation:
    """Run a model in NumPy, as C on this computer and by TFLite's reference kernels.

    Args:
        path: A TFLite file.
        inferences: How many inputs; of labelled samples the first ones.
        seed: Of inputs that are drawn at random, where there are no samples.
        operator_folders: Folders of the user's own operators; their files are run.
        samples: Folder of labelled samples, None for inputs drawn at random.
        sample_encoding: What the numbers in their files are; None finds it out.

    Raises:
        ConfigError: The model is not supported, a layer has nothing in NumPy, or the samples are
            malformed.
        DseError: The C could not be built or did not end.
    """
    model = load_model(path, operator_folders=operator_folders)
    require_reference(path)
    workload = Workload(
        model=path.absolute(),
        model_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        samples=None if samples is None else samples.absolute(),
        sample_encoding=sample_encoding,
        operator_folders=tuple(folder.absolute() for folder in operator_folders),
    )
    inputs = (
        random_inputs(model, count=inferences, seed=seed)
        if samples is None
        else read_samples(workload, model, count=inferences).inputs
    )
    firmware = _firmware_answers(workload, model, inputs)
    return Simulation(
        model=str(path),
        inferences=len(inputs),
        layers=_compared(
            model,
            simulate_network(model, inputs),
            reference_inferences(path, model, inputs),
            firmware,
        ),
    )


def _firmware_answers(
    workload: Workload, model: Model, inputs: Sequence[bytes]
) -> tuple[Golden, ...]:
    """Return what the plain C answers on this computer."""
    cache = Cache(default_root())
    pipeline = pipeline_of(job_without_design(workload), cache=cache, report=lambda _: None)
    program = pipeline.get("host-firmware").folder / HOST_NAME
    with cache.scratch_folder("simulate") as folder:
        run_tool(
            batch_command(program, inputs, folder=folder),
            cwd=folder,
            log=folder / "log",
            timeout_s=_LIMIT_S,
        )
        return batch_answers(model, folder)


def _compared(
    model: Model,
    simulated: Iterable[Inference],
    reference: Iterable[Inference],
    firmware: Sequence[Golden],
) -> tuple[SimulatedLayer, ...]:
    """Return the layers, with only one inference of each in memory."""
    count = len(model.layers)
    crcs: list[int] = [0] * count
    of_firmware, of_reference = [0] * count, [0] * count
    differences = [""] * count
    rows = zip(simulated, reference, firmware, strict=True)
    for number, (ours, theirs, built) in enumerate(rows):
        for position, crc in enumerate(ours.golden.layer_crcs):
            crcs[position] = crcs[position] if number else crc
            of_firmware[position] += crc == built.layer_crcs[position]
            found = _difference(ours, theirs, position)
            of_reference[position] += not found
            if found and not differences[position]:
                differences[position] = f"input {number + 1}, {found}"
    return tuple(
        SimulatedLayer(
            name=layer.name,
            operator=layer.operator,
            shape=layer.output.shape,
            crc=f"{crcs[position]:08x}",
            of_firmware=of_firmware[position],
            of_reference=of_reference[position],
            difference=differences[position],
        )
        for position, layer in enumerate(model.layers)
    )


def _difference(ours: Inference, theirs: Inference, position: int) -> str:
    """Return where a layer's outputs differ first; empty where they are the same."""
    for left, right in zip(ours.layers[position], theirs.layers[position], strict=True):
        wrong = np.argwhere(left != right)
        if len(wrong):
            where = tuple(wrong[0].tolist())
            return f"element {list(where)}: {left[where]} in NumPy, {right[where]} by TFLite"
    return ""


def simulation_text(simulation: Simulation) -> str:
    """Lay out a simulation."""
    whole = simulation.inferences
    rows = [
        [
            layer.name,
            layer.operator,
            "x".join(map(str, layer.shape)),
            layer.crc,
            f"{layer.of_firmware}/{whole}",
            f"{layer.of_reference}/{whole}",
        ]
        for layer in simulation.layers
    ]
    header = ["layer", "operator", "output", "CRC-32", "C", "TFLite"]
    lines = [table_text(header, rows, left=4), ""]
    first = next((layer for layer in simulation.layers if layer.difference), None)
    if simulation.is_exact:
        lines.append(
            f"every byte of {len(rows)} layers is that of the firmware's C and of TFLite's"
            " reference kernels"
        )
    elif first is not None:
        lines.append(f"first difference from TFLite: {first.name}, {first.difference}")
    else:
        lines.append("the firmware's C differs from NumPy, which has TFLite's bytes")
    return "\n".join(lines)
