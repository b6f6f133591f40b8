"""``python -m benchmarks.stream MODEL ...``: ``stream`` beside ``simd`` of as many products.

Each network is measured from on-chip memory on the core of ``benchmarks.networks``, with ``simd``
(buffers, requantisation, channelwise) and with ``stream``, both with buffers of ``--words`` words;
every layer is compared bit for bit with TFLite's reference kernels. For each product count the
layers are printed, and how busy the products of ``stream`` are in layers of products. ``--cells``
prints what the units cost on an ECP5 and on an iCE40 UltraPlus instead.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.networks import (
    CACHED_CORE,
    FIRMWARE,
    ON_CHIP,
    Run,
    job_for,
    layer_table,
    measure,
    model_named,
    name_of,
    on_chip,
)
from benchmarks.targets import read_target
from contracts.faults import DseError
from contracts.parameter import Value
from dse.output.report import table_text
from runners.job import StageEvent
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.synthesis import read_cost

_MODEL = Path(__file__).parent.parent / "models" / "imgc" / "imgc_resnet8_int8.tflite"
_PARTS = {
    "ulx3s_25f": ("lut4", "ff", "mult18x18d", "dp16kd"),
    "icebreaker": ("lut4", "ff", "sb_mac16", "sb_ram40_4k"),
}
"""Targets of small parts, and the cells to print."""
HEADER = ("cycles", "MAC", "`simd` 8", "`stream` 8", "times fewer", "MAC a cycle")
_ON_PAGE: Mapping[str, tuple[str, ...]] = {
    "pretrainedResnet_quant": ("CONV_2D", "ADD"),
    "kws_ref_model": ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D"),
}
"""Networks, and the operators whose layers have a row of their own."""


def simd(products: int, words: int, *, channelwise: bool = True) -> dict[str, Value]:
    """Return a design with ``simd``."""
    return {
        **CACHED_CORE,
        **FIRMWARE,
        **ON_CHIP,
        "cfu": "simd",
        "simd_width": products,
        "buffer_depth": words,
        "hardware_requantisation": True,
        "channelwise": channelwise,
    }


def stream(
    products: int, words: int, *, channelwise: bool = True, in_luts: bool = False
) -> dict[str, Value]:
    """Return a design with ``stream``."""
    return {
        **CACHED_CORE,
        **FIRMWARE,
        **ON_CHIP,
        "cfu": "stream",
        "stream_products": products,
        "stream_filter_words": words,
        "stream_activation_words": min(words, 1024),
        "stream_channelwise": channelwise,
        "stream_lut_products": in_luts,
    }


def busy_share(run: Run, products: int) -> float:
    """Return the share of cycles in which products are formed, of layers with any."""
    layers = [layer for layer in run.layers if layer.macs]
    return sum(layer.macs for layer in layers) / products / sum(layer.cycles for layer in layers)


def rows() -> list[list[str]]:
    """Measure both families with 8 products and 1,024 words on whole networks."""
    target = on_chip(read_target("ulx3s_85f"))
    found = []
    for stem, operators in _ON_PAGE.items():
        model = model_named(stem)
        slow, fast = (measure(model, design(8, 1024), target) for design in (simd, stream))
        macs = sum(layer.macs for layer in fast.layers)
        found.append([name_of(model), *_compared(macs, slow.cycles, fast.cycles)])
        for operator in operators:
            pairs = [
                (before, now)
                for before, now in zip(slow.layers, fast.layers, strict=True)
                if now.operator == operator
            ]
            macs, *cycles = (
                sum(now.macs for _, now in pairs),
                sum(before.cycles for before, _ in pairs),
                sum(now.cycles for _, now in pairs),
            )
            found.append([f"its {len(pairs)} `{operator}`", *_compared(macs, *cycles)])
    return found


def _compared(macs: int, before: int, now: int) -> list[str]:
    """Return the cells of ``HEADER`` from its second one on."""
    busy = f"{macs / now:.2f}" if macs else ""
    return [f"{macs:,}", f"{before:,}", f"{now:,}", f"{before / now:.1f}", busy]


def _cells(products: Sequence[int], words: int) -> None:
    for name, resources in _PARTS.items():
        rows = []
        for count in products:
            variants: Mapping[str, dict[str, Value]] = {
                f"simd {count}": simd(count, words, channelwise=False),
                f"simd {count} channelwise": simd(count, words),
                f"stream {count} without channelwise": stream(count, words, channelwise=False),
                f"stream {count}": stream(count, words),
                f"stream {count} in LUTs": stream(count, words, in_luts=True),
            }
            for variant, design in variants.items():
                job = job_for(_MODEL, design, read_target(name))
                pipeline = pipeline_of(job, cache=Cache(default_root()), report=_ignore)
                try:
                    cost = read_cost(pipeline.get("synthesise-cfu").folder)
                except DseError as error:
                    rows.append([variant, f"refused: {error}"])
                    continue
                rows.append([variant, *(f"{cost.get(cell, 0):,}" for cell in resources)])
        print(f"{name}, {words} words\n{table_text(['CFU', *resources], rows)}\n", flush=True)


def _ignore(event: StageEvent) -> None:
    del event


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__)
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL")
    parser.add_argument("--products", nargs="*", type=int, default=[4, 8, 16])
    parser.add_argument("--words", type=int, default=1024)
    parser.add_argument("--cells", action="store_true")
    given = parser.parse_args()
    if given.cells:
        _cells(given.products, given.words)
        return
    target = on_chip(read_target("ulx3s_85f"))
    for model in given.models or [_MODEL]:
        for count in given.products:
            runs = {
                f"simd {count}": measure(model, simd(count, given.words), target),
                f"stream {count}": measure(model, stream(count, given.words), target),
            }
            print(f"{model.stem}, {count} products, {given.words} words\n{layer_table(runs)}")
            for name, run in runs.items():
                share = busy_share(run, count)
                print(f"{name}: {run.cycles:,} cycles, products busy {share:.0%} of their layers")
            print(flush=True)


if __name__ == "__main__":
    main()
