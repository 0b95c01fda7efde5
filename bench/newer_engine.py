"""The operator as of a release with newer engines: `python -m bench.newer_engine`."""

from mediaops.operations import caption, transcribe
from mediaops_operator.main import main

for versions in (transcribe.ENGINE_VERSIONS, caption.ENGINE_VERSIONS):
    versions.update({engine: f"{version}-next" for engine, version in versions.items()})

main()
