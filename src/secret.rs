//! Secrets: read from the environment or a file, masked everywhere.
