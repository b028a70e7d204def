"""Another supervisor's configuration as nbmon.toml, and what of it has no counterpart."""
