//! Tokens end to end.
