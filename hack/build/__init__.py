"""What takes minutes to build is built once, named by its version, into the user's cache."""

from hack.build.cache import BuildFailed, built_once, cache_folder, run_logged
from hack.build.tools import build_all, tool

__all__ = ["BuildFailed", "build_all", "built_once", "cache_folder", "run_logged", "tool"]
