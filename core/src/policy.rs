//! A loaded policy: immutable, shared, decided with.
