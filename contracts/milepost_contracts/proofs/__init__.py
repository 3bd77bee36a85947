"""An event is proved to be in the log: RFC 6962 trees, C2SP tiles, signed notes, checkpoints and cosignatures."""
