"""From design values to the gateware and the model of a ``stream`` CFU."""

from hw_templates.cfu.component import to_verilog
from hw_templates.cfu.family import ReferenceModel, Values
from hw_templates.cfu.stream.config import StreamConfig
from hw_templates.cfu.stream.model import StreamModel
from hw_templates.cfu.stream.unit import StreamUnit


def verilog(values: Values) -> str:
    """Return the text of module ``Cfu`` for a design."""
    return to_verilog(StreamUnit(StreamConfig.from_values(values)))


def model(values: Values) -> ReferenceModel:
    """Return a fresh reference model for a design."""
    config = StreamConfig.from_values(values)
    return StreamModel(
        products=config.products,
        filter_words=config.filter_words,
        activation_words=config.activation_words,
        is_channelwise=config.is_channelwise,
    )
