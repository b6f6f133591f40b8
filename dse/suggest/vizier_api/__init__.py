"""Studies in the words of Vizier's public API: spaces, trials, files, and our search as a Designer.

Importing a module of this package imports Vizier, which takes some seconds.
"""

import os

# Else gRPC, which Vizier imports, starts its threads again in each child of this process before the
# child becomes another program; where their files are closed already, that aborts the child
# (grpc/grpc#43055, open at the pinned version).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
