//! The load generator: a black-box client that checks that the sale adds up.
