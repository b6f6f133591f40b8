"""Fixtures that more than one file of these tests uses."""

import pytest

from hw_templates import cfu


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the families that a test registers."""
    registry = cfu.Registry()
    for family in cfu.families().values():
        registry.register(family)
    for name in ("families", "register_module"):
        monkeypatch.setattr(cfu, name, getattr(registry, name))
