"""What finished trials say: the front, the clock that is expected, one read model of all."""
