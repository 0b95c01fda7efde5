"""The operator as of a release with newer engines: `python -m bench.newer_engine`."""

from mediaops.operations import caption, transcribe
from mediaops_operator.main import main

transcribe.ENGINE_VERSIONS.update({e: f"{v}-next" for e, v in transcribe.ENGINE_VERSIONS.items()})
caption.ENGINE_VERSIONS.update({e: f"{v}-next" for e, v in caption.ENGINE_VERSIONS.items()})

main()
