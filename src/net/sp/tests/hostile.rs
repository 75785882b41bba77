//! Peers that do not do as they should.
