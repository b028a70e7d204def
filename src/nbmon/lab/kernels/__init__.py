"""What measures: each kernel is a generator of plain values that runs in an interpreter of its own (`apart`)."""
