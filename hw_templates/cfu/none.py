"""Family ``none``: a CPU without a CFU."""

from hw_templates.cfu.family import Family

FAMILY = Family(name="none", summary="no custom function unit: plain kernels on the CPU")
