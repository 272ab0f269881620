"""How older ledgers become this version's."""
