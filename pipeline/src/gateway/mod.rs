//! The order gateway as a machine: correlation, deadlines, cancels first, rate budget, evidence.
