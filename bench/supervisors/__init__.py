"""Supervisors side by side: respawn, status, idle cost, many workers."""
