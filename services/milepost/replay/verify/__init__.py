"""The log is held against what was signed: rows, documents, tree, checkpoints, references, hashes; faults are named."""
