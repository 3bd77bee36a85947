"""What the host stores of one plugin."""
