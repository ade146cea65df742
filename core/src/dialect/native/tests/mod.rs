//! Tables of policies: what is reported, and what they are lowered to.
