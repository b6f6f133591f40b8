"""What belongs to a step, as it passes the stages of the array."""

from amaranth.hdl import Module, Signal, Value

from hw_templates.cfu.engine.addresses import AddressGenerator

_NAMES = ("valid", "first", "last", "first_tile", "counts", "again", "part", "is_inside")


class StepFlags:
    """The flags of a step, each as many cycles behind its addresses as it is asked for.

    Args:
        m: The module that gets the registers.
        addresses: Where the flags come from.
    """

    def __init__(self, m: Module, addresses: AddressGenerator) -> None:
        self._m = m
        self._stages = {name: [getattr(addresses, name)] for name in _NAMES}

    def _behind(self, name: str, cycles: int) -> Value:
        stages = self._stages[name]
        while len(stages) <= cycles:
            later = Signal.like(stages[-1], name=f"{name}_{len(stages)}")
            self._m.d.sync += later.eq(stages[-1])
            stages.append(later)
        return stages[cycles]

    def valid(self, cycles: int) -> Value:
        """Return whether there is a step."""
        return self._behind("valid", cycles)

    def first(self, cycles: int) -> Value:
        """Return whether a step is the first one that counts for its tile."""
        return self._behind("first", cycles)

    def last(self, cycles: int) -> Value:
        """Return whether a valid step is the last one of its tile."""
        return self._behind("last", cycles) & self._behind("valid", cycles)

    def first_tile(self, cycles: int) -> Value:
        """Return whether a step's tile is the first one of its pixel."""
        return self._behind("first_tile", cycles)

    def counts(self, cycles: int) -> Value:
        """Return whether a step's products belong to a sum."""
        return self._behind("counts", cycles)

    def again(self, cycles: int) -> Value:
        """Return whether weights and constants are those of the tile before."""
        return self._behind("again", cycles)

    def part(self, cycles: int) -> Value:
        """Return which lanes of the row are the tile's channels."""
        return self._behind("part", cycles)

    def is_inside(self, cycles: int) -> Value:
        """Return whether the activations are not padding."""
        return self._behind("is_inside", cycles - 1)  # it is one behind the addresses itself
