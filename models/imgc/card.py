"""Figures of the model card from ``metrics.json``: ``python -m models.imgc.card``.

Writes ``confusion.svg``, ``SHA256SUMS`` and the block of ``README.md`` between the two
``figures`` comments; nothing in them is typed by hand. ``--runs`` first puts the recipe and the
cost of training runs into ``metrics.json``.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from models.imgc.evaluate import as_text

FOLDER = Path(__file__).parent
BEGIN, END = "<!-- figures: written by models.imgc.card -->", "<!-- end of figures -->"
CELL_PX, LEFT_PX, TOP_PX = 46, 100, 110

Metrics = dict[str, Any]  # the JSON file: "int8" and "float32" as in Accuracy, "training"


class CardInvalid(Exception):
    """Something that the card is made of is missing."""


def load(path: Path) -> Metrics:
    """Read the file of metrics.

    Raises:
        CardInvalid: It is absent, or an entry is.
    """
    if not path.exists():
        raise CardInvalid(f"no {path}\n  fix: python -m models.imgc.evaluate FILE --metrics {path}")
    metrics: Metrics = json.loads(path.read_text())
    for entry in ("int8", "float32", "int8_samples", "training"):
        if entry not in metrics:
            raise CardInvalid(
                f"{path} has no {entry!r}\n  fix: evaluate as the card says, "
                "then give the training folders with --runs"
            )
    return metrics


def training_run(folder: Path) -> Metrics:
    """Recipe and cost of the run in ``folder``, as ``train`` wrote them there."""
    last = json.loads((folder / "log.jsonl").read_text().splitlines()[-1])
    return {
        "recipe": json.loads((folder / "recipe.json").read_text()),
        "epochs_run": last["epoch"],
        "train_accuracy": last["accuracy"],
        "wall_s": last["wall_s"],
        "cpu_s": last["cpu_s"],
    }


def figures(metrics: Metrics) -> str:
    """The block of the card that holds numbers, in Markdown."""
    int8, exact = metrics["int8"], metrics["float32"]
    rows = [
        "| | top-1 | correct | of | file | bytes |",
        "|---|---|---|---|---|---|",
    ]
    parts = (
        ("int8", int8, "test images (JPEG)"),
        ("float", exact, "test images (JPEG)"),
        ("int8", metrics["int8_samples"], "MLPerf Tiny samples (uncompressed)"),
    )
    for name, part, images in parts:
        rows.append(
            f"| {name} | **{part['top1']:.2%}** | {part['correct']} | {part['images']} {images} "
            f"| `{part['file']}` | {part['size_bytes']} |"
        )
    rows += ["", f"Kernels: {int8['kernels']}. sha256 of `{int8['file']}`:", ""]
    rows += ["```", int8["sha256"], "```", ""]
    rows += ["| class | of its images, correct |", "|---|---|"]
    for index, name in enumerate(int8["classes"]):
        row = int8["confusion"][index]
        rows.append(f"| {name} | {row[index] / sum(row):.1%} |")
    rows += ["", "| run | seed | epochs | train accuracy | wall time | CPU time |"]
    rows += ["|---|---|---|---|---|---|"]
    for name, run in sorted(metrics["training"].items()):
        recipe, wall_min, cpu_min = run["recipe"], run["wall_s"] / 60, run["cpu_s"] / 60
        rows.append(
            f"| {name} | {recipe['seed']} | {run['epochs_run']} of {recipe['epochs']} "
            f"| {run['train_accuracy']:.2%} | {wall_min:.0f} min | {cpu_min:.0f} min |"
        )
    return "\n".join(rows)


def with_figures(readme: str, metrics: Metrics) -> str:
    """The card with its block of figures replaced.

    Raises:
        CardInvalid: The card does not have both comments that enclose the block.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise CardInvalid(f"the card needs one line {BEGIN} and one line {END}")
    before, rest = readme.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{figures(metrics)}\n{END}{after}"


def confusion_svg(part: Metrics) -> str:
    """The confusion matrix as a picture: a row is a true class, a column a predicted one."""
    classes: list[str] = part["classes"]
    side = LEFT_PX + CELL_PX * len(classes) + 10
    height = TOP_PX + CELL_PX * len(classes) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {height}" '
        f'width="{side}" height="{height}" font-family="sans-serif" font-size="12">',
        f"<title>{part['file']}: true class by row, predicted class by column</title>",
        f'<rect width="{side}" height="{height}" fill="#fff"/>',
        '<text x="8" y="20" font-size="14">Rows: true class. Columns: predicted class. '
        f"{part['correct']} of {part['images']} correct.</text>",
    ]
    for index, name in enumerate(classes):
        middle = CELL_PX * index + CELL_PX // 2
        x, y = LEFT_PX + middle, TOP_PX - 8
        lines.append(f'<text x="{LEFT_PX - 8}" y="{TOP_PX + middle + 4}" text-anchor="end">')
        lines.append(f"{name}</text>")
        lines.append(f'<text x="{x}" y="{y}" transform="rotate(-45 {x} {y})">{name}</text>')
    for row, counts in enumerate(part["confusion"]):
        for column, count in enumerate(counts):
            share = count / max(sum(counts), 1)
            # Mistakes are rare: the root makes them visible beside the diagonal.
            shade = share**0.5
            colour = (31, 119, 90) if row == column else (200, 60, 40)
            red, green, blue = (round(255 - (255 - part) * shade) for part in colour)
            x, y = LEFT_PX + CELL_PX * column, TOP_PX + CELL_PX * row
            ink = "#fff" if shade > 0.7 else "#222"
            lines.append(
                f'<rect x="{x}" y="{y}" width="{CELL_PX - 1}" height="{CELL_PX - 1}" '
                f'fill="rgb({red},{green},{blue})"/>'
                f'<text x="{x + CELL_PX // 2}" y="{y + CELL_PX // 2 + 4}" text-anchor="middle" '
                f'fill="{ink}">{count}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


def main() -> int:
    """Parse the command line and write the card's generated parts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--runs", type=Path, nargs="+", help="training folders, to record their recipe and cost"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    args = parser.parse_args()
    path = args.folder / "metrics.json"
    try:
        if args.runs is not None:
            metrics = json.loads(path.read_text()) if path.exists() else {}
            runs = {folder.name: training_run(folder) for folder in args.runs}
            path.write_text(as_text(metrics | {"training": runs}))
        metrics = load(path)
        readme = args.folder / "README.md"
        readme.write_text(with_figures(readme.read_text(), metrics))
    except (CardInvalid, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    (args.folder / "confusion.svg").write_text(confusion_svg(metrics["int8"]))
    int8 = metrics["int8"]
    (args.folder / "SHA256SUMS").write_text(f"{int8['sha256']}  {int8['file']}\n")
    print(f"wrote README.md, confusion.svg and SHA256SUMS in {args.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
