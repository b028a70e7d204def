"""The price of a request, of a respawn and of a start, side by side with the peers in one run."""
