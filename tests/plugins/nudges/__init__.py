"""The plugin that reminds people, as its operator and its people have it."""
