"""Stand-ins for systems of others, for rehearsals and tests: small servers with realistic faults. They share no code with the service."""
