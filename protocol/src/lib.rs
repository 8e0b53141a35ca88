//! The wire: one command table, RESP as its first encoding.
