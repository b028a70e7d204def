"""What measures: kernels are generators of plain values that run in interpreters of their own (`apart`)."""
