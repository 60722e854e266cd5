"""The Flask apps."""
