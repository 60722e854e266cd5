"""YAML to `Config`: schema, loading with line numbers, secrets, durations."""
