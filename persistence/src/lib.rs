//! The journal, snapshots and recovery.
