//! Loads a configuration file and resolves its secrets.
