//! The Oro kernel as a Linux process.
