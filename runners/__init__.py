"""How a design becomes a measurement: stages, their cache, outside programs and boards."""
