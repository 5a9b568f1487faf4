//! What Oro modules are written with.
#![no_std]
