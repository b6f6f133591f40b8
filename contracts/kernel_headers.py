"""Kernels that somebody wrote as headers of TensorFlow Lite Micro, to be compiled as they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelHeaders:
    """C++ headers in the place of kernels: each defines the functions of a reference kernel.

    Attributes:
        folder: On the compiler's include path. Nothing in it is changed or rendered.
        headers: Name of a kernel, for example ``conv2d``, to the path of its header in ``folder``.
            ``sw_templates.tflm.reference_kernels`` says which kernels there are, and what a header
            must define.
        defines: Macros of the compiler's command line, name to value.
        sources: Paths in ``folder`` of C++ files that the headers need, compiled too.
    """

    folder: Path
    headers: Mapping[str, str]
    defines: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
