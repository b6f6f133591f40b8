"""One file an operator: its layer class, how it is read, its C structure, the memory it needs.

Every file here is an operator and names its class ``OPERATOR``; ``sw_templates/operator_set.py``
finds them. The C template of each is ``sw_templates/kernels/<kernel>.c.j2``.
"""
