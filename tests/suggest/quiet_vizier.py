"""Vizier and jax, imported without the warnings that their versions have for each other."""

import warnings

import dse.suggest.vizier_api  # first: it sets how gRPC behaves

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import vizier.jax.models
    import vizier.pyvizier.converters
    import vizier.service.servers
    from vizier import algorithms as vza
    from vizier.service import clients
    from vizier.service import pyvizier as vz

    import dse.suggest.vizier_api.designer
    import dse.suggest.vizier_api.study_file  # noqa: F401

__all__ = ["clients", "vizier", "vz", "vza"]
