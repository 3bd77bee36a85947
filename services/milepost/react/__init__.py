"""Events reach plugins: each reads on its own, in a process of its own, and what it wants is kept with its position."""
