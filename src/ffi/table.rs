//! Handler structs: taken over from programs that know fewer or more members than this library.

use std::array;
use std::ffi::c_void;
use std::mem::size_of;
use std::ptr;
use std::sync::{Arc, OnceLock};

use super::handler::{
    cppserver_server_handler, cppserver_service_handler, cppserver_session_handler,
    cppserver_udp_handler,
};
use super::sp::cppserver_sp_handler;
use crate::error::{Error, Result};

/// A handler struct of the header.
///
/// # Safety
///
/// The type is `repr(C)`, its first member is `size: usize`, and each other member is an
/// `Option` of a function pointer, so that all-zero bytes are a valid value.
pub(super) unsafe trait Table: Copy + 'static {
    /// A table without callbacks, its size set.
    fn empty() -> Self {
        // SAFETY: all-zero bytes are a valid value by the contract of the trait.
        let mut table: Self = unsafe { std::mem::zeroed() };
        // SAFETY: the first member is a usize by the contract of the trait.
        unsafe { (&raw mut table).cast::<usize>().write(size_of::<Self>()) };
        table
    }

    /// The program's table: its members as far as both sides know them, none of the others.
    ///
    /// # Safety
    ///
    /// `table` is NULL, or its `size` member is set and so many bytes of it can be read.
    unsafe fn copy_from(table: *const Self) -> Result<Self> {
        if table.is_null() {
            return Err(Error::argument("handler is NULL"));
        }
        // SAFETY: not NULL; the first member is a usize and is set by the contract.
        let size = unsafe { table.cast::<usize>().read() };
        if size < size_of::<usize>() {
            return Err(Error::argument(format!(
                "the size member of the handler is {size}: set it to sizeof of the struct"
            )));
        }
        let mut copy = Self::empty();
        // Half a pointer is worse than none: only whole members are taken over. The size member
        // itself stays that of this library.
        let members = (size.min(size_of::<Self>()) / size_of::<usize>()) - 1;
        // SAFETY: both ranges begin behind the size member and end within what the program says it
        // has and within `copy`; `copy` is a local variable, so they do not overlap.
        unsafe {
            ptr::copy_nonoverlapping(
                table.cast::<usize>().add(1),
                (&raw mut copy).cast::<usize>().add(1),
                members,
            );
        }
        Ok(copy)
    }
}

// SAFETY: repr(C), a usize first, then only Options of function pointers.
unsafe impl Table for cppserver_service_handler {}
// SAFETY: repr(C), a usize first, then only Options of function pointers.
unsafe impl Table for cppserver_session_handler {}
// SAFETY: repr(C), a usize first, then only Options of function pointers.
unsafe impl Table for cppserver_server_handler {}
// SAFETY: repr(C), a usize first, then only Options of function pointers.
unsafe impl Table for cppserver_udp_handler {}
// SAFETY: repr(C), a usize first, then only Options of function pointers.
unsafe impl Table for cppserver_sp_handler {}

/// The session tables that the sessions of one server share.
///
/// A server fills in the same functions for every session, or one of a few sets: each set is kept
/// once, and a session holds no more than a pointer to it. Sets beyond the places here work too,
/// each with a copy of its own per session.
pub(super) struct SessionTables {
    places: [OnceLock<Arc<cppserver_session_handler>>; 4],
}

impl SessionTables {
    pub(super) fn new() -> SessionTables {
        SessionTables { places: array::from_fn(|_| OnceLock::new()) }
    }

    pub(super) fn share(&self, table: cppserver_session_handler) -> Arc<cppserver_session_handler> {
        for place in &self.places {
            let kept = place.get_or_init(|| Arc::new(table));
            if addresses(kept) == addresses(&table) {
                return Arc::clone(kept);
            }
        }
        Arc::new(table)
    }
}

/// The members as numbers. Two functions at one address do the same, so equal numbers are enough;
/// one function at two addresses costs a second copy and nothing else.
fn addresses(table: &cppserver_session_handler) -> [usize; 10] {
    let cppserver_session_handler {
        size: _,
        on_connected,
        on_handshaked,
        on_disconnected,
        on_received,
        on_sent,
        on_empty,
        on_error,
        destroy,
        on_handshake,
        on_request,
    } = *table;
    [
        on_connected.map_or(0, |callback| callback as usize),
        on_handshaked.map_or(0, |callback| callback as usize),
        on_disconnected.map_or(0, |callback| callback as usize),
        on_received.map_or(0, |callback| callback as usize),
        on_sent.map_or(0, |callback| callback as usize),
        on_empty.map_or(0, |callback| callback as usize),
        on_error.map_or(0, |callback| callback as usize),
        destroy.map_or(0, |callback| callback as usize),
        on_handshake.map_or(0, |callback| callback as usize),
        on_request.map_or(0, |callback| callback as usize),
    ]
}

/// Room for a handler struct that the program fills in by assignment.
///
/// A program of a newer header assigns a larger struct than this library knows: the spare room
/// behind takes what is new, so that it lands on nothing else.
#[repr(C)]
pub(super) struct Form<T> {
    table: T,
    spare: [*mut c_void; 24],
}

impl<T: Table> Form<T> {
    pub(super) fn new() -> Form<T> {
        Form { table: T::empty(), spare: [ptr::null_mut(); 24] }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut T {
        ptr::from_mut(self).cast()
    }

    /// What was filled in. The bytes were zero before, so all of them can be read whatever the
    /// program made of the size member.
    pub(super) fn read(self) -> T {
        self.table
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::{cppserver_http_request, cppserver_http_response};
    use super::*;

    unsafe extern "C-unwind" fn one(_user_data: *mut c_void) {}
    unsafe extern "C-unwind" fn other(_user_data: *mut c_void, _sent: usize, _pending: usize) {}
    unsafe extern "C-unwind" fn request(
        _user_data: *mut c_void,
        _request: *const cppserver_http_request,
        _response: *mut cppserver_http_response,
    ) {
    }

    fn full() -> cppserver_session_handler {
        cppserver_session_handler {
            on_connected: Some(one),
            on_empty: Some(one),
            on_sent: Some(other),
            destroy: Some(one),
            on_request: Some(request),
            ..cppserver_session_handler::empty()
        }
    }

    #[test]
    fn an_older_program_has_fewer_members() {
        let (full, word) = (full(), size_of::<usize>());
        for members in 0..=addresses(&full).len() {
            // Also sizes that end inside a member: that one is not taken over.
            for rest in [0, 1, word - 1] {
                let mut table = full;
                table.size = (1 + members) * word + rest;
                // SAFETY: the table is a whole one.
                let copy = unsafe { Table::copy_from(&raw const table) }.unwrap();
                let mut expected = addresses(&full);
                expected.iter_mut().skip(members).for_each(|member| *member = 0);
                assert_eq!(addresses(&copy), expected, "{members} members and {rest} bytes");
                assert_eq!(copy.size, size_of::<cppserver_session_handler>());
            }
        }
    }

    #[test]
    fn a_newer_program_has_more_members() {
        #[repr(C)]
        struct Newer {
            table: cppserver_session_handler,
            more: [usize; 3],
        }
        let full = full();
        let mut newer = Newer { table: full, more: [usize::MAX; 3] };
        newer.table.size = size_of::<Newer>();
        // SAFETY: as many bytes as the size member says can be read.
        let copy = unsafe { Table::copy_from((&raw const newer).cast()) };
        let copy: cppserver_session_handler = copy.unwrap();
        assert_eq!(addresses(&copy), addresses(&full));
        assert_eq!(newer.more, [usize::MAX; 3]);
    }

    #[test]
    fn a_size_that_was_not_set_is_refused() {
        for size in 0..size_of::<usize>() {
            let mut table = full();
            table.size = size;
            // SAFETY: the table is a whole one.
            let copy = unsafe { Table::copy_from(&raw const table) };
            assert!(copy.unwrap_err().message().contains("sizeof"), "{size}");
        }
    }

    #[test]
    fn equal_tables_are_kept_once_and_a_fifth_set_still_works() {
        let tables = SessionTables::new();
        let none = cppserver_session_handler::empty();
        let sets = [
            full(),
            none,
            cppserver_session_handler { on_connected: Some(one), ..none },
            cppserver_session_handler { on_handshaked: Some(one), ..none },
            cppserver_session_handler { on_empty: Some(one), ..none },
        ];
        let first: Vec<_> = sets.iter().map(|set| tables.share(*set)).collect();
        for (index, set) in sets.iter().enumerate() {
            let again = tables.share(*set);
            assert_eq!(addresses(&again), addresses(set));
            assert_eq!(Arc::ptr_eq(&first[index], &again), index < 4, "set {index}");
        }
    }

    #[test]
    fn a_form_takes_the_larger_struct_of_a_newer_program() {
        #[repr(C)]
        struct Newer(cppserver_session_handler, [usize; 24]);
        assert!(size_of::<Newer>() <= size_of::<Form<cppserver_session_handler>>());
        let full = full();
        let mut form = Form::<cppserver_session_handler>::new();
        // SAFETY: the form has room for so much, as was just seen.
        unsafe { form.as_mut_ptr().cast::<Newer>().write(Newer(full, [usize::MAX; 24])) };
        assert_eq!(addresses(&form.read()), addresses(&full));
    }
}
