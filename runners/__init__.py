"""How a design becomes a measurement: stages, their cache, outside programs and boards."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: the folder that holds the rooms."""
