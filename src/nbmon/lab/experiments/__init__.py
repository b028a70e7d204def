"""One module an experiment; each has an `EXPERIMENT`."""
