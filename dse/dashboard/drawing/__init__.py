"""Charts as SVG, drawn here: they need no script, print, and are what is downloaded."""
