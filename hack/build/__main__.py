"""`python -m hack.build [NAME…]`: build these programs, or all, and print where they are."""

import sys

from hack.build import BuildFailed, build_all

try:
    paths = build_all(*sys.argv[1:])
except KeyError as unknown:
    sys.exit(f"build: no program {unknown}")
except BuildFailed as failure:
    sys.exit(f"build: {failure}")
for name, path in paths.items():
    print(f"{name}\t{path}")
