//! The few system calls that the standard library does not offer. All unsafe code of the generator
//! is here, in `mmsg.rs` and in `syscalls.rs`.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Edge-triggered readiness for reading and writing: registered once, never changed.
const INTEREST: u32 = (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET) as u32;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_interrupt(_signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Makes SIGINT, SIGTERM and SIGHUP set a flag instead of ending the process, so that children are
/// ended in order.
pub fn catch_interrupts() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: a zeroed sigaction is valid, and the handler only stores to an atomic. Without
        // SA_RESTART a blocking call returns EINTR, which is what makes the flag be looked at.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = note_interrupt as *const () as usize;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// True once SIGINT, SIGTERM or SIGHUP has arrived.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// The error that ends a measurement after an interrupt.
pub fn check_interrupt() -> io::Result<()> {
    if interrupted() {
        Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"))
    } else {
        Ok(())
    }
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Nanoseconds of the monotonic clock.
pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writing; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// An epoll instance whose sockets are known by a number of the caller.
pub struct Epoll {
    fd: OwnedFd,
    events: Vec<libc::epoll_event>,
}

impl Epoll {
    /// Creates an instance that reports up to 1,024 events per wait.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; the new descriptor belongs to the OwnedFd alone.
        let fd = unsafe { OwnedFd::from_raw_fd(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?) };
        Ok(Epoll { fd, events: vec![libc::epoll_event { events: 0, u64: 0 }; 1024] })
    }

    /// Registers a socket, edge-triggered, for reading and writing. Closing the socket removes it.
    pub fn add(&self, socket: &impl AsRawFd, token: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: INTEREST, u64: token as u64 };
        // SAFETY: both descriptors are open and `event` is valid during the call.
        check(unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_ADD,
                socket.as_raw_fd(),
                &mut event,
            )
        })?;
        Ok(())
    }

    /// Waits for events for at most `timeout` (rounded up to milliseconds) and returns how many
    /// came; their tokens are read with [`Epoll::token`].
    pub fn wait(&mut self, timeout: Duration) -> io::Result<usize> {
        let milliseconds = timeout.as_nanos().div_ceil(1_000_000).min(60_000) as libc::c_int;
        // SAFETY: the buffer is valid for writing `len` events.
        let count = unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                self.events.as_mut_ptr(),
                self.events.len() as libc::c_int,
                milliseconds,
            )
        };
        match check(count) {
            Ok(count) => Ok(count as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                check_interrupt().map(|()| 0)
            }
            Err(error) => Err(error),
        }
    }

    /// The token of the event at `index` of the last wait.
    pub fn token(&self, index: usize) -> usize {
        self.events[index].u64 as usize
    }
}

/// Starts a non-blocking connection from `source` (some address of 127.0.0.0/8: each has its own
/// range of ports, so that closed connections in TIME_WAIT never use them up). The handshake may
/// still be going on when this returns.
pub fn connect_from(source: Ipv4Addr, target: SocketAddrV4) -> io::Result<TcpStream> {
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers; the new descriptor belongs to the TcpStream alone.
    let stream = unsafe { TcpStream::from_raw_fd(check(libc::socket(libc::AF_INET, kind, 0))?) };
    let late_port: libc::c_int = 1;
    // SAFETY: the option value is a valid int during the call.
    check(unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const late_port).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })?;
    let local = socket_address(SocketAddrV4::new(source, 0));
    let remote = socket_address(target);
    let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: both addresses are valid sockaddr_in values of the given size during the calls.
    unsafe {
        check(libc::bind(stream.as_raw_fd(), (&raw const local).cast(), size))?;
        match check(libc::connect(stream.as_raw_fd(), (&raw const remote).cast(), size)) {
            Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
            _ => Ok(stream),
        }
    }
}

/// Binds a socket that has no address yet.
pub fn bind(socket: &impl AsRawFd, address: SocketAddrV4) -> io::Result<()> {
    let local = socket_address(address);
    let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: the address is a valid sockaddr_in of the given size during the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const local).cast(), size) })?;
    Ok(())
}

fn socket_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Waits until the descriptor is readable or at its end; false when `timeout` passed first.
pub fn wait_readable(fd: RawFd, timeout: Duration) -> io::Result<bool> {
    wait_for(fd, libc::POLLIN, timeout)
}

/// Waits until the kernel takes bytes for the descriptor; false when `timeout` passed first.
pub fn wait_writable(fd: RawFd, timeout: Duration) -> io::Result<bool> {
    wait_for(fd, libc::POLLOUT, timeout)
}

/// Waits until one of both is possible; false when `timeout` passed first.
pub fn wait_readable_or_writable(fd: RawFd, timeout: Duration) -> io::Result<bool> {
    wait_for(fd, libc::POLLIN | libc::POLLOUT, timeout)
}

fn wait_for(fd: RawFd, events: libc::c_short, timeout: Duration) -> io::Result<bool> {
    let mut entry = libc::pollfd { fd, events, revents: 0 };
    let milliseconds = timeout.as_millis().min(60_000) as libc::c_int;
    // SAFETY: one valid pollfd.
    match check(unsafe { libc::poll(&mut entry, 1, milliseconds) }) {
        Ok(count) => Ok(count > 0),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            check_interrupt().map(|()| false)
        }
        Err(error) => Err(error),
    }
}

/// The processor cores that this process may run on.
pub fn allowed_cores() -> Vec<usize> {
    // SAFETY: cpu_set_t is plain data, valid when zeroed; the kernel fills at most its size.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) != 0 {
            return Vec::new();
        }
        (0..libc::CPU_SETSIZE as usize).filter(|core| libc::CPU_ISSET(*core, &set)).collect()
    }
}

/// Pins the calling thread (and what it starts later) to one core. Safe to call between fork and
/// exec.
pub fn pin_to(core: usize) -> io::Result<()> {
    pin_to_any(&[core])
}

/// Keeps the calling thread (and what it starts later) on these cores. Safe to call between fork
/// and exec.
pub fn pin_to_any(cores: &[usize]) -> io::Result<()> {
    // SAFETY: cpu_set_t is plain data, valid when zeroed; CPU_SET checks the bounds.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        cores.iter().for_each(|&core| libc::CPU_SET(core, &mut set));
        check(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set))?;
    }
    Ok(())
}

/// Makes the kernel end this process when its parent ends. Meant for the time between fork and
/// exec.
pub fn end_with_parent() -> io::Result<()> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    Ok(())
}

/// Lets the program that is about to begin have this descriptor too. Meant for the time between
/// fork and exec.
pub fn pass_on(descriptor: RawFd) -> io::Result<()> {
    // SAFETY: takes numbers only.
    check(unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) })?;
    Ok(())
}

/// Raises the soft limit of open files to the hard one and returns it. Children inherit it.
pub fn raise_open_files() -> usize {
    // SAFETY: `limit` is valid for reading and writing.
    unsafe {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) != 0 {
            return 1024;
        }
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
    }
}

/// True for the superuser.
pub fn is_root() -> bool {
    // SAFETY: cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Sends SIGINT to a child that this process started and has not waited for yet.
pub fn interrupt_child(child: &std::process::Child) {
    // SAFETY: the child has not been waited for, so its id still belongs to it.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
}
