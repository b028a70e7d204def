"""What all services and their workers do at this moment: looked at, made rows of, arranged, drawn."""
