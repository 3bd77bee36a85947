"""The golden examples: a story in which every released event happens, frozen below `contracts/examples/`."""
