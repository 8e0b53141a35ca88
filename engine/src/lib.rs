//! The sale itself, pure: commands in, events out.
