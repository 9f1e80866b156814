"""`linkup bench …`: measure this machine, and the tools that people would use instead.

How each figure is measured stands in docs/benchmarks.md.
"""

from __future__ import annotations

from linkup.crowd.bench.commands import app

__all__ = ["app"]
