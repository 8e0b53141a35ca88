//! One actor per SKU around an engine state; the directory that finds them.
