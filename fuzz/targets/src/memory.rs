//! How much memory something asks for.

use std::alloc::System;

use cap::Cap;

/// Counts what everybody asks for; targets run one at a time.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Does something that may ask for `most` bytes altogether, freed or not.
pub(crate) fn within<T>(most: usize, what: &str, work: impl FnOnce() -> T) -> T {
    let before = ALLOCATOR.total_allocated();
    let done = work();
    let asked = ALLOCATOR.total_allocated() - before;
    assert!(asked <= most, "{what} asked for {asked} bytes of memory, and may ask for {most}");
    done
}
