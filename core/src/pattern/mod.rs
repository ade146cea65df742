//! Patterns of paths, hosts, text and addresses: built once, matched without allocation.
