"""From a job to a measurement: through the stages, on a board, over labelled samples."""
