"""The plugin webhooks, against real receivers."""
