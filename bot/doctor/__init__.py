"""Is everything set up, reachable, owned, tagged and priced? Checks are small functions; what they ask is handed in."""
