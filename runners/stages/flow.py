"""``python -m runners.stages.flow``: the table of stages as a drawing, for a terminal and for docs.

ARCHITECTURE.md shows what this prints; a test compares the two.
"""

import sys
from collections.abc import Mapping

from runners.pipeline import Stage
from runners.stages.all import STAGES


def flow_text(stages: Mapping[str, Stage] = STAGES) -> str:
    """Return one line a stage, each below everything it is built from.

    Behind ``◄─`` stands what a stage always needs, behind ``◄┄`` what it needs for some targets.
    """
    ordered = in_order(stages)
    width = max(map(len, ordered))
    lines = []
    for name in ordered:
        stage = stages[name]
        always = f" ◄─ {', '.join(stage.needs)}" if stage.needs else ""
        sometimes = f" ◄┄ {', '.join(stage.may_need)}" if stage.may_need else ""
        lines.append(f"{name:{width}}{always}{sometimes}".rstrip())
    return "\n".join(lines)


def in_order(stages: Mapping[str, Stage]) -> list[str]:
    """Return the names so that none stands above one it may need, else as in the table."""
    ordered: list[str] = []
    while len(ordered) < len(stages):
        ordered.append(
            next(
                name
                for name, stage in stages.items()
                if name not in ordered and {*stage.needs, *stage.may_need} <= {*ordered}
            )
        )
    return ordered


def main() -> None:
    """Print the drawing."""
    sys.stdout.write(flow_text() + "\n")


if __name__ == "__main__":
    main()
