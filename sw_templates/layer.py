"""What an operator has to say about itself: everything that generic code asks of a layer."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy.typing as npt

from contracts.network import Computation
from sw_templates.constants import Constant, tensor_constant
from sw_templates.graph.host_steps import HostFunction
from sw_templates.layers.exact import computed
from sw_templates.tensor import ActivationRange, Tensor
from sw_templates.tflite_file import OptionsTable, RawTensor

if TYPE_CHECKING:
    from sw_templates.tflite_node import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceKernel:
    """Where TensorFlow Lite Micro has the reference kernel of an operator.

    Attributes:
        header: File name of the header.
        function: What it defines in ``namespace``.
        namespace: In ``tflite``.
    """

    header: str
    function: str
    namespace: str = "reference_integer_ops"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer(ABC):
    """One operator in execution order; a subclass is one kind of operator.

    A subclass lives in a file of its own in ``sw_templates/operators``, which names it
    ``OPERATOR``; the C template ``<kernel>.c.j2`` in ``sw_templates/kernels`` belongs to it.
    Import, memory plan, generation and report ask what stands here and know no operator by name.
    See docs/how-to/add-an-operator.md.

    Class attributes:
        operator: TFLite's name, for example ``CONV_2D``.
        kernel: Name of the C function, of its template and, with ``_layer`` behind it, of its
            structure: lower case letters, digits and underscores.
        options: The options table of the file that ``read`` needs; None for none.
        structure: ``struct <kernel>_layer { ... };`` in C for ``layers.h``; Jinja with the
            variables of the kernels.
        prototype: The function in C: structure, inputs, outputs and, where the operator needs
            scratch memory, ``int8_t *scratch``. Each tensor is a pointer to its elements.
        has_input_list: The number of inputs differs from layer to layer: the kernel gets them as
            one argument, ``const int8_t *const *inputs``.
        has_output_list: The same of the outputs: ``int8_t *const *outputs``.
        aliases_input: The output, of which there is one, has the bytes of the first input, so
            that both live in the same memory and the kernel is called with the same pointer twice,
            an ``int8_t *`` whatever the elements are.
        folds: What ``fold`` is asked for where all inputs are constants: nothing; plain integers,
            such as sizes; any elements, which it only moves; values, whose output has another
            scale.
        on_integers: Instead of ``fold``: the function in NumPy of plain integers, such as sizes,
            that are known before the network runs.
        keeps_shape: The output has the sizes of the first input.
        work_per_mac: What a multiply-accumulate takes in plain C, by that of a convolution.
        on_host: What the host does for it at the edges of a file, on float32; None where it cannot.
        for_int16: It is the operator on int16 activations, for which another file is on int8.
        for_int4: It is the operator with int4 weights, for which another file has int8 ones.
        is_host_edge: From float32 at the edge of a graph, it is the host's work.
        scratch_rows: As how many rows the plain kernel wants its scratch memory at least.
        reference: What a header that somebody wrote in the place of TensorFlow Lite Micro's must
            be; None where none can stand for the kernel. ``sw_templates/tflm/kernels`` then has the
            C++ that calls it, ``<kernel>.cc.j2``.

    Attributes:
        index: Its number in the file.
        inputs: The tensors of activations that it reads; some may be constants.
        outputs: The tensors that it writes, in the order of the file.
    """

    operator: ClassVar[str]
    kernel: ClassVar[str]
    options: ClassVar[OptionsTable | None] = None
    structure: ClassVar[str]
    prototype: ClassVar[str]
    work_per_mac: ClassVar[int] = 1
    has_input_list: ClassVar[bool] = False
    has_output_list: ClassVar[bool] = False
    aliases_input: ClassVar[bool] = False
    folds: ClassVar[Literal["nothing", "integers", "elements", "values"]] = "nothing"
    on_integers: ClassVar[Callable[..., npt.NDArray[Any]] | None] = None
    keeps_shape: ClassVar[bool] = False
    on_host: ClassVar[HostFunction | None] = None
    for_int16: ClassVar[bool] = False
    for_int4: ClassVar[bool] = False
    is_host_edge: ClassVar[bool] = False
    scratch_rows: ClassVar[int] = 1
    reference: ClassVar[ReferenceKernel | None] = None

    index: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @classmethod
    @abstractmethod
    def read(cls, node: "Node") -> Self:
        """Return the layer that a node of the file describes, with all that it relies on checked.

        Raises:
            ConfigError: The kernel cannot compute it: from ``node``, whose errors name file,
                operator and tensor.
            ValueError: It cannot be quantised; the import makes a ConfigError of it.
        """

    @classmethod
    def fold(
        cls,
        values: Sequence[npt.NDArray[Any]],
        options: Mapping[str, float],
        output: RawTensor,
    ) -> Sequence[npt.NDArray[Any]]:
        """Return the outputs of an operator whose inputs are constants.

        What it raises at values that make no sense leaves the operator to ``read``.

        Args:
            values: Of the inputs.
            options: What the file has of ``cls.options``.
            output: The first output as the file states it.
        """
        raise NotImplementedError

    @classmethod
    def known_shape(
        cls, shape: tuple[int, ...], sizes: npt.NDArray[Any] | None
    ) -> tuple[int, ...] | None:
        """Return the output's sizes where the file leaves them open; None where it must not.

        Args:
            shape: Of the first input.
            sizes: The second input, where it is a constant.
        """
        del sizes
        return shape if cls.keeps_shape else None

    @abstractmethod
    def fields(self, *, row_align_bytes: int) -> dict[str, int | str]:
        """Return the members of the structure, save ``scratch_bytes``.

        Args:
            row_align_bytes: Rows of weights are padded to a multiple of this.

        Returns:
            Member to its value: a number, or the name of one of ``arrays``.
        """

    def arrays(self, *, row_align_bytes: int) -> tuple[Constant, ...]:
        """Return the arrays that ``fields`` name, each named after the layer."""
        del row_align_bytes
        return ()

    def for_reference_kernel(self) -> Self:
        """Return the layer with its constants as TFLite's own kernels take them.

        For kernels that somebody wrote against those: rows of weights without padding, a bias
        without the input's zero point in it.
        """
        return self

    def further_reference_functions(self) -> tuple[str, ...]:
        """Return functions of ``reference``'s header of which the layer needs one beside its own.

        Asked of what ``for_reference_kernel`` returns; empty where it needs none.

        Raises:
            ConfigError: No reference kernel computes the layer.
        """
        return ()

    def scratch_bytes(self, *, row_align_bytes: int, scratch_rows: int) -> int:
        """Return the size of the scratch memory: 0 for every layer of the kind, or for none.

        Args:
            row_align_bytes: As for ``fields``.
            scratch_rows: How many rows a kernel is promised, where it works by rows.
        """
        del row_align_bytes, scratch_rows
        return 0

    def computation(self) -> Computation | None:
        """Return what the layer computes, for hardware that runs whole layers.

        None where no ``Computation`` is exactly that: only the CPU runs it then.
        """
        return None

    def evaluate(self, values: Sequence[npt.NDArray[Any]]) -> Sequence[npt.NDArray[Any]] | None:
        """Return the outputs in NumPy, to the last bit what the kernel writes.

        What the layer computes is done as ``computation`` says it; others have their own.

        Args:
            values: Of ``inputs``, in their shapes.

        Returns:
            The elements of each output, whatever their shape; None where NumPy has nothing yet.
        """
        computation = self.computation()
        return None if computation is None else [computed(computation, values)]

    @classmethod
    def template_variables(cls, *, unroll: int) -> Mapping[str, object]:
        """Return what the operator's C template uses beside the variables of all kernels.

        Args:
            unroll: Steps of inner loops that are written out: 1, 2, 4 or 8.
        """
        del unroll
        return {}

    @property
    def name(self) -> str:
        """Kernel and index, for example ``conv2d_3``; a C identifier."""
        return f"{self.kernel}_{self.index}"

    @property
    def input(self) -> Tensor:
        """The first input."""
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first output, for most operators the only one."""
        return self.outputs[0]

    @property
    def activations(self) -> tuple[Tensor, ...]:
        """The inputs that are no constants, each once."""
        return tuple(
            {tensor.index: tensor for tensor in self.inputs if tensor.data is None}.values()
        )

    @property
    def output_range(self) -> ActivationRange:
        """The values that the outputs are clamped to: where one stands there, small faults hide."""
        least, greatest = self.output.type.limits
        return ActivationRange(minimum=least, maximum=greatest)

    @property
    def macs(self) -> int:
        """Multiply-accumulates by the operator's definition, padding included."""
        return 0

    @property
    def constants(self) -> tuple[Tensor, ...]:
        """Weights and bias, as far as there are any."""
        return ()

    @property
    def bytes_in(self) -> int:
        """Bytes of activations, weights and biases that the layer reads by definition."""
        return sum(tensor.size_bytes for tensor in (*self.inputs, *self.constants))

    @property
    def bytes_out(self) -> int:
        """Bytes of all outputs."""
        return sum(tensor.size_bytes for tensor in self.outputs)


def layer_constants(layer: Layer, *, row_align_bytes: int) -> tuple[Constant, ...]:
    """Return all arrays of a layer: its own and those of inputs that are constants."""
    inputs = (tensor_constant(tensor) for tensor in layer.inputs if tensor.data is not None)
    return (*inputs, *layer.arrays(row_align_bytes=row_align_bytes))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedConstants:
    """The arrays of a network, those of weights that several layers use only once.

    Attributes:
        arrays: In the order of the layers.
        names: Name of an array that is left out to that of the one that stands for it.
    """

    arrays: tuple[Constant, ...]
    names: Mapping[str, str]

    @property
    def size_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.size_bytes for array in self.arrays)


def shared_constants(layers: Sequence[Layer], *, row_align_bytes: int) -> SharedConstants:
    """Return all arrays of all layers; an unrolled recurrent network has its weights once.

    Args:
        layers: Of a network, in execution order.
        row_align_bytes: Rows of weights are padded to a multiple of this.
    """
    arrays: dict[str, Constant] = {}
    names: dict[str, str] = {}
    kept: dict[tuple[int, str, tuple[tuple[int, ...], ...]], str] = {}
    for layer in layers:
        own = layer.constants[0].index if layer.constants else -1
        for array in layer_constants(layer, row_align_bytes=row_align_bytes):
            kind = array.name.removeprefix(layer.name)
            first = kept.setdefault((own, kind, array.rows), array.name)
            if own >= 0 and first != array.name:
                names[array.name] = first
            else:
                arrays[array.name] = array
    return SharedConstants(arrays=tuple(arrays.values()), names=names)


def layer_fields(layer: Layer, *, row_align_bytes: int, scratch_bytes: int) -> dict[str, int | str]:
    """Return every member of a layer's structure and its value in C.

    Args:
        layer: The layer.
        row_align_bytes: Rows of weights are padded to a multiple of this.
        scratch_bytes: Size of its scratch memory, 0 for none.
    """
    fields = layer.fields(row_align_bytes=row_align_bytes)
    return {**fields, "scratch_bytes": scratch_bytes} if scratch_bytes else fields
