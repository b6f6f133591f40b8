"""A CFU that exists as a Verilog file whose module ``Cfu`` has parameters."""

import re
from collections.abc import Mapping
from pathlib import Path

from contracts.faults import ConfigError


def with_parameters(path: Path, parameters: Mapping[str, int]) -> str:
    """Return the text of a Verilog file with other defaults of its parameters.

    Args:
        path: Holds module ``Cfu``, whose header says ``parameter NAME = value`` once for each.
        parameters: Name in the file to value; what is not named keeps its default.

    Raises:
        ConfigError: The file cannot be read, or does not declare a parameter exactly once.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Verilog file {path.name} cannot be read: {error}",
            fix="correct the path in the family",
        ) from error
    for name, value in parameters.items():
        declaration = re.compile(
            rf"(\bparameter\b\s+(?:(?:integer|signed|\[[^\]]*\])\s+)*{re.escape(name)}\s*=\s*)"
            r"[^,;)\s]+"
        )
        text, count = declaration.subn(rf"\g<1>{int(value)}", text)
        if count != 1:
            raise ConfigError(
                f"{path.name} declares parameter {name} {count} times",
                fix=f"write `parameter {name} = <number>` once, in the header of module Cfu",
            )
    return text
