"""Results of other tools as sessions, and sessions as files that other tools read."""
