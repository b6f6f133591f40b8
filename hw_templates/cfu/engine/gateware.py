"""From design values to the gateware and the model of an engine."""

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.engine import Engine
from hw_templates.cfu.engine.model import EngineModel
from hw_templates.cfu.family import ReferenceModel, Values


def verilog(values: Values) -> str:
    """Return the text of module ``Cfu`` for a design."""
    return Engine(EngineConfig.from_values(values)).verilog()


def model(values: Values) -> ReferenceModel:
    """Return a fresh reference model for a design."""
    return EngineModel(EngineConfig.from_values(values))
