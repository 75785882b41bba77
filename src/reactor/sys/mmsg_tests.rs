//! What Linux is given, and what is read of its answers.

use std::net::Ipv4Addr;

use socket2::SockRef;

use super::super::datagrams::set;
use super::*;
use crate::reactor::datagrams::{DatagramOptions, bind};

/// A header with one control message that has so many bytes of a value.
#[allow(unsafe_code)]
fn with_control<R>(value: &[u8], look: impl FnOnce(&libc::msghdr) -> R) -> R {
    let mut room = Control::default();
    // SAFETY: a message header of zeros has no name, no buffers and no control messages.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_control = room.as_mut_ptr().cast();
    // SAFETY: the control room is aligned, and larger than one message of a few bytes.
    unsafe {
        let size = libc::CMSG_LEN(value.len() as u32);
        header.msg_controllen = size as _;
        let message = libc::CMSG_FIRSTHDR(&header);
        (*message).cmsg_level = libc::SOL_UDP;
        (*message).cmsg_type = libc::UDP_GRO;
        (*message).cmsg_len = size as _;
        ptr::copy_nonoverlapping(value.as_ptr(), libc::CMSG_DATA(message), value.len());
    }
    look(&header)
}

#[test]
fn a_control_message_that_was_cut_has_no_value() {
    let gro = |header: &libc::msghdr| control(header, libc::SOL_UDP, libc::UDP_GRO);
    let value = 1200_u32.to_ne_bytes();
    assert_eq!(with_control(&value, gro), Some(1200));
    assert_eq!(with_control(&value[..2], gro), None);
    assert_eq!(with_control(&[], gro), None);
    let other = |header: &libc::msghdr| control(header, libc::SOL_SOCKET, libc::UDP_GRO);
    assert_eq!(with_control(&value, other), None);
}

/// Whatever part of its messages the system takes each time, and whichever it refuses: each
/// datagram leaves or is given up once, and for each address they leave in the order in which
/// they were queued. The first four bytes of each are its number.
#[test]
fn datagrams_leave_once_and_in_order_however_many_messages_the_system_takes() {
    let count = if cfg!(miri) { 100 } else { 1000 };
    let mut random = 1_u64;
    let mut below = |bound: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % bound
    };
    for round in 0..if cfg!(miri) { 1 } else { 40 } {
        let mut queue = DatagramQueue::default();
        let mut batch = SendBatch::new();
        batch.segments_refused = round % 4 == 3;
        let (addresses, sizes) = (1 + below(100), 1 + below(4));
        let mut next = 0_u32;
        let mut left = Vec::new();
        while next < count || !queue.is_empty() {
            for _ in 0..if next < count { below(u64::from(count) / 3) } else { 0 } {
                let to = SocketAddr::from((Ipv4Addr::LOCALHOST, 1 + below(addresses) as u16));
                let size = [100, 60, 1500, 4][below(sizes) as usize];
                let mut data = next.to_be_bytes().to_vec();
                data.resize(size, 0);
                assert!(queue.push(to, &data));
                next += 1;
            }
            if queue.is_empty() {
                continue;
            }
            batch.group(&queue);
            let taken = below(batch.messages.len() as u64 + 1) as usize;
            for message in &batch.messages[..taken] {
                let mut index = message.first;
                let mut sizes = Vec::new();
                while index != END {
                    let entry = queue.entry(index as usize).unwrap();
                    let number = queue.data(entry)[..4].try_into().unwrap();
                    left.push((entry.to.port(), u32::from_be_bytes(number)));
                    sizes.push(entry.size);
                    index = batch.following[index as usize];
                }
                let (last, others) = sizes.split_last().unwrap();
                assert!(others.iter().all(|size| *size == message.size), "{sizes:?}");
                assert!(*last <= message.size && sizes.len() == message.count.into());
                assert!(sizes.iter().map(|size| usize::from(*size)).sum::<usize>() <= 65_507);
            }
            batch.forget(taken, &mut queue, |_, _| {});
            if !queue.is_empty() && below(4) == 0 {
                batch.group(&queue);
                let given_up = queue.mark_gone(batch.messages[0].first as usize);
                let number = queue.data(&given_up)[..4].try_into().unwrap();
                left.push((given_up.to.port(), u32::from_be_bytes(number)));
                queue.sweep();
            }
        }
        let numbers: std::collections::HashSet<_> =
            left.iter().map(|(_, number)| *number).collect();
        assert_eq!((left.len(), numbers.len()), (next as usize, next as usize));
        left.sort_by_key(|(port, _)| *port);
        assert!(left.is_sorted(), "in order for each address");
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_path_of_a_small_mtu_does_not_stop_segments_for_others() {
    let Ok(socket) = bind("[::1]:0".parse().unwrap(), &DatagramOptions::default()) else {
        // Without IPv6, which alone lets a socket choose its MTU.
        return;
    };
    set(&SockRef::from(&socket), libc::SOL_IPV6, libc::IPV6_MTU, &1280).unwrap();
    let own = socket.local_addr().unwrap();
    let mut queue = DatagramQueue::default();
    (0..2).for_each(|_| assert!(queue.push(own, &[7; 1400])));
    let (mut segments, mut left) = (true, Vec::new());
    SendBatch::new()
        .send(&socket, false, &mut segments, &mut queue, |to, size| left.push((to, size)))
        .unwrap();
    assert_eq!(left, [(own, 1400); 2], "they leave one by one");
    assert!(queue.is_empty() && segments);
}

#[test]
fn names_are_the_addresses_they_were_made_of() {
    for text in ["127.0.0.1:80", "[::1]:65535", "[fe80::1%7]:1", "0.0.0.0:0"] {
        let address: SocketAddr = text.parse().unwrap();
        assert_eq!(Name::new(address).address(), Some(address));
    }
    assert_eq!(Name::EMPTY.address(), None);
}
