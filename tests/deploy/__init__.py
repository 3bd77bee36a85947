"""What operators run: the embedded broker, its roles, the settings and the compose file."""
