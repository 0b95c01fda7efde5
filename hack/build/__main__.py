"""`python -m hack.build [NAME…]`: build these programs, or all, and print where they are."""

import sys

from hack.build import BuildFailed, build_all, tool

try:
    paths = {name: tool(name) for name in sys.argv[1:]} or build_all()
except KeyError as unknown:
    sys.exit(f"build: no program {unknown}")
except BuildFailed as failure:
    sys.exit(f"build: {failure}")
for name, path in paths.items():
    print(f"{name}\t{path}")
