//! The Tidegate server: configuration, listeners, status, and the tidegate binary.
