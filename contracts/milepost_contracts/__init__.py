"""What strangers may rely on: events, commands, envelope, sealing, subjects."""
