"""The daemon kit: one process detaches, holds its pid file, says it is ready, is stopped."""
