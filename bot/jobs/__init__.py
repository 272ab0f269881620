"""What the clock does: each job looks at the time and the ledger, and does what is due."""
