"""Results on disk: found by what they are made of, checked when read, bounded in bytes."""
