"""The documentation as a site: `make docs` builds it, and a broken link fails.

Pages are those of the repository as they are, so that they read the same in an editor and here.
What the tables of ``index.md`` link to, by section, is the site's navigation: a page that no table
names is an error of the build.
"""

import re

from sphinx.application import Sphinx

project = "soft-soc-dse"
html_title = project
html_theme = "furo"
html_theme_options = {"top_of_page_buttons": []}
extensions = ["myst_parser"]
myst_heading_anchors = 4
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "docs/**",
    "configs/README.md",
    "models/imgc/README.md",
    "benchmarks/README.md",
    "benchmarks/**/README.md",
    "hw_templates/cpu/README.md",
]
exclude_patterns = [".*", "build"]


def add_navigation(_app: Sphinx, name: str, source: list[str]) -> None:
    """Append a table of contents for each section of the index, which shows in the margin alone."""
    if name != root_doc:
        return
    sections = re.split(r"^## ", source[0], flags=re.MULTILINE)
    for section in sections:
        caption = section.partition("\n")[0].partition(":")[0].removeprefix("# ")
        pages = re.findall(r"^\| .*\[.*\]\((.*)\.md\) \|$", section, flags=re.MULTILINE)
        lines = ["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""]
        source[0] += "\n".join(lines)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_navigation)
