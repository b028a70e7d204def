"""How the example pictures are drawn: by formulas and a seeded generator."""
