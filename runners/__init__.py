"""How a design becomes a measurement: stages, their cache, outside programs and boards."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds the rooms: a checkout, or where a wheel was installed."""

SETUP = "make setup" if (ROOT / "Makefile").is_file() else "soft-soc-dse setup"
"""What a person types to get a missing program, or to learn which packages have it."""
