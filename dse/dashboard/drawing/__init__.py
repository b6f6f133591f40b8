"""A study's columns as charts of ``dse.output.drawing``: front, effects, growth."""
