"""linkup: a multi-site video linkup coordinator for remote consultation."""

__version__ = "0.1.0"
