"""`python -m hack.images [NAME…]`: build these images, or both, and print their archives."""

import sys

from hack.build import BuildFailed
from hack.images import IMAGES, archive

try:
    for name in sys.argv[1:] or IMAGES:
        built = archive(name)
        print(f"{built.reference}\t{built.path}")
except KeyError as unknown:
    sys.exit(f"images: no image {unknown}")
except BuildFailed as failure:
    sys.exit(f"images: {failure}")
