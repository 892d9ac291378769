//! The stop signal and the handles that hold a stop back until the work is done.
