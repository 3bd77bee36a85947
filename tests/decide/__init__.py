"""Given what happened, when a command comes, then what it causes or why it causes nothing: deciding, and no more."""
