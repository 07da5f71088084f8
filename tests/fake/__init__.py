"""Stand-ins for outside services, faithful on the wire."""
