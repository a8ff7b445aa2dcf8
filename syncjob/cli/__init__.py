"""Words from the terminal become a job; its outcome becomes an exit code. Nothing is decided here."""
