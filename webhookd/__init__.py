"""Deploy on push: a signed webhook arrives, is stored, and its command runs."""

__version__ = "0.1.0"
