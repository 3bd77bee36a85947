"""The plugin that rolls goals up into objectives and key results."""
