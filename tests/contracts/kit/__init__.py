"""The author's kit, held to what it promises: what is wrong with a plugin is told, and hurts nobody else."""
