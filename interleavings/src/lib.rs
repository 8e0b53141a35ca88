//! Tries the orders in which threads can come, in the few places where they share memory.
//!
//! The files that are tried are the production's own: `tests/` compiles them a second time, with types in place of
//! `crate::sync`'s that a model checker schedules. [loom](https://docs.rs/loom) goes through all orders of a few steps,
//! with what the memory model lets a processor do besides (`tests/orders/`); [shuttle](https://docs.rs/shuttle)
//! draws orders of many steps at random (`tests/handing_over/`). ADR 16 says what is tried with which, and why.
