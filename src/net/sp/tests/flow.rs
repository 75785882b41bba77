//! Limits, pauses and ends.
