"""From a file's graph to what the firmware runs: edges, constants, what stands in the way."""
