"""A service as other houses keep it: systemd units, a Kubernetes manifest, a Compose file."""
