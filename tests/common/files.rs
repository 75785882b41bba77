//! How many files this process may open.

/// Asks for as many as 4000, for tests with a thousand connections and both of their ends.
#[cfg(unix)]
pub fn allow_many_files() {
    let (_, hard) = file_limit();
    set_file_limit(hard.min(4000));
}

/// Nothing limits them here.
#[cfg(not(unix))]
pub fn allow_many_files() {}

/// The limit that counts, and the one up to which it may be raised.
#[cfg(unix)]
#[allow(unsafe_code)]
pub fn file_limit() -> (u64, u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure is there to be written.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) }, 0);
    (limit.rlim_cur, limit.rlim_max)
}

/// Sets the limit that counts, for the whole process.
#[cfg(unix)]
#[allow(unsafe_code)]
pub fn set_file_limit(count: u64) {
    let limit = libc::rlimit { rlim_cur: count, rlim_max: file_limit().1 };
    // SAFETY: the structure is whole.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}
