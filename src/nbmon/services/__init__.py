"""What a name, a target and its options mean: nbmon.toml or a command line in, a running daemon out."""
