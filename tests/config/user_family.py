"""A user's own CFU family as the text of a module."""

FAMILY = """
from pathlib import Path
from contracts.parameter import Condition, Parameter, Rule
from hw_templates.cfu import Family

class Model:
    def op(self, funct3, funct7, a, b):
        return a

FAMILY = Family(
    name="mine",
    summary="of a test",
    parameters=(Parameter(name="mine_depth", values=(1, 2), default=1, description="d"{extra}),),
    rules=(Rule(name="odd", reason="r", parameters=("mine_depth",),
                holds=lambda values: values["mine_depth"] == 1),),
    verilog=lambda values: "module Cfu(); endmodule",
    model=lambda values: Model(),
    sources=(Path(__file__),),
)
"""
