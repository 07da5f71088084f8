"""What every suite stands on: PostgreSQL, replicas, HAProxy, a client."""
