"""What people type, and what they get to see."""
