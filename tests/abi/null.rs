//! NULL is harmless everywhere.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};

use cppserver::ffi::*;

use crate::support::*;

const INVALID_ARGUMENT: i32 = 1;
const TEXT: i32 = cppserver_kind::Text as i32;

/// A status of NULL: the code, with a text that names the argument.
fn refused(status: i32, name: &str) {
    assert_eq!(status, INVALID_ARGUMENT, "{name}");
    let (code, category, message) = last_error();
    assert_eq!((code, category.as_str()), (INVALID_ARGUMENT, "argument"));
    assert!(message.contains(name), "{message:?} does not tell of {name:?}");
}

#[test]
fn a_null_service() {
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_service_retain(null_mut()).is_null());
        cppserver_service_release(null_mut());
        refused(cppserver_service_start(null_mut(), false, null(), null_mut()), "service");
        refused(cppserver_service_start(null_mut(), true, null(), null_mut()), "service");
        refused(cppserver_service_stop(null_mut()), "service");
        refused(cppserver_service_restart(null_mut()), "service");
        assert!(!cppserver_service_is_started(null()));
        assert_eq!(cppserver_service_threads(null()), 0);
        assert!(!cppserver_service_is_loop_thread(null()));
        refused(cppserver_service_post(null_mut(), Some(run), null_mut(), None), "service");
        refused(cppserver_service_dispatch(null_mut(), Some(run), null_mut(), None), "service");
        assert!(cppserver_timer_create(null_mut(), 1, 0, Some(run), null_mut(), None).is_null());
        assert!(cppserver_server_create_tcp(null_mut(), c"::".as_ptr(), 0).is_null());
        assert!(cppserver_client_create_tcp(null_mut(), c"::1".as_ptr(), 0).is_null());
        let context = TlsContext::new();
        let (address, host) = (c"::".as_ptr(), c"::1".as_ptr());
        assert!(cppserver_server_create_tls(null_mut(), context.0, address, 0).is_null());
        refused(1, "service");
        assert!(cppserver_client_create_tls(null_mut(), context.0, host, 1).is_null());
        refused(1, "service");
    }
}

#[test]
fn a_null_tls_context() {
    let service = Service::new();
    let none = null_mut::<cppserver_tls_context>();
    let (file, data) = (c"a.pem".as_ptr(), b"x".as_ptr().cast());
    // SAFETY: NULL is allowed everywhere, and the rest is alive.
    unsafe {
        assert!(cppserver_tls_context_retain(none).is_null());
        cppserver_tls_context_release(none);
        refused(cppserver_tls_context_set_certificate_files(none, file, file, null()), "context");
        refused(cppserver_tls_context_add_certificate_files(none, file, file, null()), "context");
        refused(cppserver_tls_context_set_certificate(none, data, 1, data, 1, null()), "context");
        refused(cppserver_tls_context_add_certificate(none, data, 1, data, 1, null()), "context");
        let ask = Some(no_password as unsafe extern "C-unwind" fn(_, _, _) -> _);
        refused(
            cppserver_tls_context_set_password_callback(none, ask, null_mut(), None),
            "context",
        );
        refused(cppserver_tls_context_reload(none), "context");
        refused(cppserver_tls_context_add_authority_file(none, file), "context");
        refused(cppserver_tls_context_add_authority(none, data, 1), "context");
        refused(cppserver_tls_context_set_option(none, 1, 1), "context");
        refused(cppserver_tls_context_set_alpn_protocols(none, null(), 0), "context");
        refused(cppserver_tls_context_set_key_log_file(none, null()), "context");
        let judge = Some(refuse as unsafe extern "C-unwind" fn(_, _, _, _) -> _);
        refused(
            cppserver_tls_context_set_verify_callback(none, judge, null_mut(), None),
            "context",
        );
        assert!(cppserver_server_create_tls(service.0, none, c"::".as_ptr(), 0).is_null());
        refused(1, "context");
        assert!(cppserver_client_create_tls(service.0, none, c"::1".as_ptr(), 1).is_null());
        refused(1, "context");
    }
}

#[test]
fn null_texts_and_data_for_a_tls_context() {
    let owner = TlsContext::new();
    let context = owner.0;
    let service = Service::new();
    let (file, data) = (c"a.pem".as_ptr(), b"x".as_ptr().cast());
    // SAFETY: the handles are alive, and NULL is allowed everywhere.
    unsafe {
        let set = cppserver_tls_context_set_certificate_files;
        refused(set(context, null(), file, null()), "chain_file");
        refused(set(context, file, null(), null()), "key_file");
        refused(set(context, file, file, c"\xff".as_ptr()), "password");
        let set = cppserver_tls_context_set_certificate;
        refused(set(context, null(), 1, data, 1, null()), "data");
        refused(set(context, data, 1, null(), 1, null()), "data");
        refused(cppserver_tls_context_add_authority_file(context, null()), "file");
        refused(cppserver_tls_context_add_authority(context, null(), 1), "data");
        refused(cppserver_tls_context_set_alpn_protocols(context, null(), 1), "protocols");
        refused(cppserver_tls_context_set_alpn_protocols(context, &null(), 1), "protocol");
        assert_eq!(cppserver_tls_context_set_key_log_file(context, null()), 0);
        assert!(cppserver_server_create_tls(service.0, context, null(), 0).is_null());
        refused(1, "address");
        assert!(cppserver_client_create_tls(service.0, context, null(), 1).is_null());
        refused(1, "host");
        refused(cppserver_tls_certificate_subject(null(), 1, null_mut(), 0, null_mut()), "data");
        assert!(!cppserver_tls_certificate_is_for_name(null(), 1, c"name".as_ptr()));
        assert!(!cppserver_tls_certificate_is_for_name(data, 1, null()));
    }
}

#[test]
fn a_null_timer() {
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_timer_retain(null_mut()).is_null());
        assert!(!cppserver_timer_cancel(null_mut()));
        cppserver_timer_release(null_mut());
    }
}

#[test]
fn a_null_server() {
    let mut value = 7;
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_server_retain(null_mut()).is_null());
        cppserver_server_release(null_mut());
        refused(cppserver_server_set_option(null_mut(), 1, 1), "server");
        refused(cppserver_server_get_option(null(), 1, &mut value), "server");
        refused(
            cppserver_server_start(null_mut(), &server_handler_without_destroy(), null_mut()),
            "server",
        );
        refused(cppserver_server_stop(null_mut()), "server");
        refused(cppserver_server_restart(null_mut()), "server");
        assert!(!cppserver_server_is_started(null()));
        assert_eq!(cppserver_server_port(null()), 0);
        assert_eq!(cppserver_server_native_handle(null()), -1);
        assert_eq!(cppserver_server_current_sessions(null()), 0);
        assert_eq!(cppserver_server_bytes_sent(null()), 0);
        assert_eq!(cppserver_server_bytes_received(null()), 0);
        let data = b"x".as_ptr().cast();
        refused(cppserver_server_multicast(null_mut(), data, 1), "server");
        refused(cppserver_server_disconnect_all(null_mut()), "server");
        refused(cppserver_server_multicast_message(null_mut(), TEXT, data, 1), "server");
        let wanted = Some(want as unsafe extern "C-unwind" fn(_, _) -> _);
        let multicast_if = cppserver_server_multicast_if;
        refused(multicast_if(null_mut(), TEXT, data, 1, wanted, null_mut()), "server");
        let topic = c"topic".as_ptr();
        let mut count = 7;
        refused(cppserver_server_publish(null_mut(), topic, TEXT, data, 1, &mut count), "server");
        assert_eq!(count, 7);
        assert_eq!(cppserver_server_messages_sent(null()), 0);
        assert_eq!(cppserver_server_messages_received(null()), 0);
    }
    assert_eq!(value, 7);
}

fn server_handler_without_destroy() -> cppserver_server_handler {
    cppserver_server_handler { destroy: None, ..server_handler() }
}

#[test]
fn a_null_session() {
    let mut pending = 7;
    let mut port = 7;
    let mut buffer = [1 as c_char; 64];
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_session_retain(null_mut()).is_null());
        cppserver_session_release(null_mut());
        assert_eq!(cppserver_session_id(null()), 0);
        let data = b"x".as_ptr().cast();
        refused(cppserver_session_send(null_mut(), data, 1, &mut pending), "session");
        refused(cppserver_session_send(null_mut(), null(), 0, null_mut()), "session");
        refused(cppserver_session_disconnect(null_mut()), "session");
        refused(cppserver_session_disconnect_now(null_mut()), "session");
        refused(cppserver_session_pause_reading(null_mut()), "session");
        refused(cppserver_session_resume_reading(null_mut()), "session");
        assert!(!cppserver_session_is_connected(null()));
        assert_eq!(cppserver_session_bytes_sent(null()), 0);
        assert_eq!(cppserver_session_bytes_received(null()), 0);
        assert_eq!(cppserver_session_bytes_pending(null()), 0);
        let (text, size) = (buffer.as_mut_ptr(), buffer.len());
        refused(cppserver_session_peer_address(null(), text, size, &mut port), "session");
        refused(cppserver_session_local_address(null(), text, size, &mut port), "session");
        assert_eq!(cppserver_session_native_handle(null()), -1);
        refused(cppserver_session_set_option(null_mut(), 1, 1), "session");
        assert!(!cppserver_session_is_handshaked(null()));
        assert!(!cppserver_session_tls_is_resumed(null()));
        let mut length = 7;
        refused(cppserver_session_tls_text(null(), 1, text, size, &mut length), "session");
        let certificate = cppserver_session_tls_peer_certificate;
        refused(certificate(null(), 0, text.cast(), size, &mut length), "session");
        let pending = &mut pending;
        refused(cppserver_session_send_message(null_mut(), TEXT, data, 1, pending), "session");
        refused(cppserver_session_send_part(null_mut(), TEXT, data, 1, true, pending), "session");
        refused(cppserver_session_disconnect_with(null_mut(), 1000, null()), "session");
        assert_eq!(cppserver_session_close_code(null()), 0);
        refused(cppserver_session_close_reason(null(), text, size, &mut length), "session");
        refused(cppserver_session_subprotocol(null(), text, size, &mut length), "session");
        assert!(!cppserver_session_is_compressed(null()));
        assert_eq!(cppserver_session_messages_sent(null()), 0);
        assert_eq!(cppserver_session_messages_received(null()), 0);
        let topic = c"topic".as_ptr();
        refused(cppserver_session_subscribe(null_mut(), topic), "session");
        refused(cppserver_session_unsubscribe(null_mut(), topic), "session");
        let publish = cppserver_session_publish;
        refused(publish(null_mut(), topic, TEXT, data, 1, &mut length), "session");
        assert_eq!(length, 7);
    }
    assert_eq!((pending, port), (7, 7));
}

#[test]
fn a_null_client() {
    let mut value = 7;
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_client_retain(null_mut()).is_null());
        cppserver_client_release(null_mut());
        refused(cppserver_client_set_option(null_mut(), 1, 1), "client");
        refused(cppserver_client_get_option(null(), 1, &mut value), "client");
        refused(cppserver_client_bind(null_mut(), null(), 0), "client");
        refused(cppserver_client_set_server_name(null_mut(), null()), "client");
        let text = c"text".as_ptr();
        refused(cppserver_client_add_header(null_mut(), text, text), "client");
        refused(cppserver_client_set_subprotocols(null_mut(), text), "client");
        let handler = cppserver_session_handler { destroy: None, ..session_handler() };
        refused(cppserver_client_connect(null_mut(), &handler, null_mut()), "client");
        refused(cppserver_client_reconnect(null_mut(), 0), "client");
        assert!(cppserver_client_session(null_mut()).is_null());
    }
    assert_eq!(value, 7);
}

extern "C-unwind" fn want(_user_data: *mut c_void, _session: *mut cppserver_session) -> bool {
    true
}

#[test]
fn null_in_place_of_a_request_and_its_answer() {
    let none = null::<cppserver_http_request>();
    let answer = null_mut::<cppserver_http_response>();
    let name = c"name".as_ptr();
    let (mut first, mut second) = (name, name);
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert_eq!(text(cppserver_http_request_method(none)), "");
        assert_eq!(text(cppserver_http_request_target(none)), "");
        assert_eq!(text(cppserver_http_request_path(none)), "");
        assert!(cppserver_http_request_query(none).is_null());
        assert!(cppserver_http_request_header(none, name).is_null());
        assert!(!cppserver_http_request_header_at(none, 0, &mut first, &mut second));
        assert_eq!((first, second), (name, name));
        assert_eq!(cppserver_http_response_status(answer), 0);
        refused(cppserver_http_response_set_status(answer, 200), "response");
        refused(cppserver_http_response_add_header(answer, name, name), "response");
        refused(cppserver_http_response_set_subprotocol(answer, name), "response");
        refused(cppserver_http_response_set_body(answer, name.cast(), 1), "response");
    }
}

#[test]
fn null_for_what_is_made_of_messages() {
    let service = Service::new();
    let context = TlsContext::new();
    let (host, address) = (c"::".as_ptr(), c"wss://localhost".as_ptr());
    // SAFETY: the handles are alive, and NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_server_create_ws(null_mut(), host, 0).is_null());
        refused(1, "service");
        assert!(cppserver_server_create_ws(service.0, null(), 0).is_null());
        refused(1, "address");
        assert!(cppserver_server_create_wss(null_mut(), context.0, host, 0).is_null());
        refused(1, "service");
        assert!(cppserver_server_create_wss(service.0, null_mut(), host, 0).is_null());
        refused(1, "context");
        assert!(cppserver_server_create_wss(service.0, context.0, null(), 0).is_null());
        refused(1, "address");
        assert!(cppserver_client_create_ws(null_mut(), c"ws://localhost".as_ptr()).is_null());
        refused(1, "service");
        assert!(cppserver_client_create_ws(service.0, null()).is_null());
        refused(1, "address");
        assert!(cppserver_client_create_wss(null_mut(), context.0, address).is_null());
        refused(1, "service");
        assert!(cppserver_client_create_wss(service.0, null_mut(), address).is_null());
        refused(1, "context");
        assert!(cppserver_client_create_wss(service.0, context.0, null()).is_null());
        refused(1, "address");
    }
}

#[test]
fn null_arguments_for_live_servers_and_sessions_of_messages() {
    let log = Log::new();
    let service = Service::started();
    let server = Server::of_messages(&service).start_with(&log, Behaviour::Watch);
    let client = Client::of_messages(&service, server.port(), "/");
    let (session, name, wrong) = (client.session(), c"name".as_ptr(), c"\xff".as_ptr());
    let data = b"x".as_ptr().cast();
    let wanted = Some(want as unsafe extern "C-unwind" fn(_, _) -> _);
    let mut buffer = [1 as c_char; 64];
    let mut length = 7;
    // SAFETY: the handles are alive, the buffer has as many bytes as it is told to have, and NULL is
    // allowed everywhere.
    unsafe {
        refused(cppserver_client_add_header(client.0, null(), name), "name");
        refused(cppserver_client_add_header(client.0, name, null()), "value");
        refused(cppserver_client_add_header(client.0, name, wrong), "UTF-8");
        refused(cppserver_client_set_subprotocols(client.0, wrong), "UTF-8");
        assert_eq!(cppserver_client_set_subprotocols(client.0, null()), 0);
        refused(cppserver_server_multicast_message(server.0, TEXT, null(), 1), "data");
        assert_eq!(cppserver_server_multicast_message(server.0, TEXT, null(), 0), 0);
        let multicast_if = cppserver_server_multicast_if;
        refused(multicast_if(server.0, TEXT, null(), 1, wanted, null_mut()), "data");
        refused(multicast_if(server.0, TEXT, data, 1, None, null_mut()), "wanted");
        let publish = cppserver_server_publish;
        refused(publish(server.0, null(), TEXT, data, 1, &mut length), "topic");
        refused(publish(server.0, wrong, TEXT, data, 1, &mut length), "UTF-8");
        refused(publish(server.0, name, TEXT, null(), 1, &mut length), "data");
        assert_eq!(publish(server.0, name, TEXT, data, 1, null_mut()), 0);
        refused(cppserver_session_send_message(session, TEXT, null(), 1, &mut length), "data");
        refused(cppserver_session_send_part(session, TEXT, null(), 1, true, &mut length), "data");
        refused(cppserver_session_disconnect_with(session, 1000, wrong), "UTF-8");
        refused(cppserver_session_subscribe(session, null()), "topic");
        refused(cppserver_session_unsubscribe(session, wrong), "UTF-8");
        refused(cppserver_session_publish(session, null(), TEXT, data, 1, &mut length), "topic");
        assert_eq!(length, 7);
        for ask in [cppserver_session_close_reason, cppserver_session_subprotocol] {
            let (text, size) = (buffer.as_mut_ptr(), buffer.len());
            refused(ask(session, null_mut(), size, &mut length), "buffer");
            assert_eq!(ask(session, null_mut(), 0, &mut length), 0);
            assert_eq!(length, 0);
            assert_eq!(ask(session, text, size, null_mut()), 0);
            assert_eq!(buffer[0], 0);
            buffer[0] = 1;
        }
    }
}

#[test]
fn a_null_udp() {
    let (mut value, mut pending) = (7, 7);
    let mut address = address();
    let data = b"x".as_ptr().cast();
    let group = c"239.255.0.1".as_ptr();
    // SAFETY: NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_udp_retain(null_mut()).is_null());
        cppserver_udp_release(null_mut());
        assert!(cppserver_udp_create_server(null_mut(), c"::".as_ptr(), 0).is_null());
        refused(1, "service");
        assert!(cppserver_udp_create_client(null_mut(), c"::1".as_ptr(), 1).is_null());
        refused(1, "service");
        refused(cppserver_udp_set_option(null_mut(), 22, 1), "udp");
        refused(cppserver_udp_get_option(null(), 22, &mut value), "udp");
        refused(cppserver_udp_set_multicast_interface(null_mut(), null()), "udp");
        refused(cppserver_udp_set_destination(null_mut(), &address), "udp");
        refused(cppserver_udp_bind(null_mut(), null(), 0), "udp");
        let handler = cppserver_udp_handler { destroy: None, ..udp_handler() };
        refused(cppserver_udp_start(null_mut(), &handler, null_mut()), "udp");
        refused(cppserver_udp_stop(null_mut()), "udp");
        refused(cppserver_udp_restart(null_mut()), "udp");
        refused(cppserver_udp_send(null_mut(), data, 1, &mut pending), "udp");
        refused(cppserver_udp_send_to(null_mut(), &address, data, 1, &mut pending), "udp");
        refused(cppserver_udp_join(null_mut(), group, null(), null()), "udp");
        refused(cppserver_udp_leave(null_mut(), group, null(), null()), "udp");
        assert!(!cppserver_udp_is_started(null()));
        assert_eq!(cppserver_udp_port(null()), 0);
        assert_eq!(cppserver_udp_native_handle(null()), -1);
        refused(cppserver_udp_local_address(null(), &mut address), "udp");
        refused(cppserver_udp_destination(null(), &mut address), "udp");
        assert_eq!(cppserver_udp_datagrams_sent(null()), 0);
        assert_eq!(cppserver_udp_datagrams_received(null()), 0);
        assert_eq!(cppserver_udp_datagrams_dropped(null()), 0);
        assert_eq!(cppserver_udp_datagrams_lost(null()), 0);
        assert_eq!(cppserver_udp_bytes_sent(null()), 0);
        assert_eq!(cppserver_udp_bytes_received(null()), 0);
        assert_eq!(cppserver_udp_bytes_pending(null()), 0);
    }
    assert_eq!((value, pending, address), (7, 7, self::address()));
}

/// Address 10.0.0.1 and port 7.
fn address() -> cppserver_address {
    let mut address = cppserver_address { ip: [0; 16], scope: 0, port: 7, version: 4, reserved: 0 };
    address.ip[..4].copy_from_slice(&[10, 0, 0, 1]);
    address
}

#[test]
fn null_arguments_of_a_live_udp() {
    let service = Service::started();
    let server = Udp::server(&service, 0);
    let mut pending = 7;
    let (data, group) = (b"x".as_ptr().cast(), c"239.255.0.1".as_ptr());
    assert_eq!(server.start(&udp_handler(), probe("server", &Log::new())), 0);
    // SAFETY: the handles are alive, and NULL is allowed everywhere.
    unsafe {
        let address = address();
        assert!(cppserver_udp_create_server(service.0, null(), 0).is_null());
        refused(1, "address");
        assert!(cppserver_udp_create_client(service.0, null(), 1).is_null());
        refused(1, "host");
        refused(cppserver_udp_get_option(server.0, 22, null_mut()), "value");
        refused(cppserver_udp_local_address(server.0, null_mut()), "address");
        refused(cppserver_udp_destination(server.0, null_mut()), "address");
        refused(cppserver_udp_send_to(server.0, null(), data, 1, &mut pending), "address");
        refused(cppserver_udp_send_to(server.0, &address, null(), 1, &mut pending), "data");
        refused(cppserver_udp_send(server.0, null(), 1, &mut pending), "data");
        refused(cppserver_udp_join(server.0, null(), null(), null()), "group");
        refused(cppserver_udp_leave(server.0, null(), null(), null()), "group");
        let wrong = c"\xff".as_ptr();
        refused(cppserver_udp_join(server.0, wrong, null(), null()), "UTF-8");
        refused(cppserver_udp_join(server.0, group, wrong, null()), "UTF-8");
        refused(cppserver_udp_join(server.0, group, null(), wrong), "UTF-8");
        refused(cppserver_udp_set_multicast_interface(server.0, wrong), "UTF-8");
        assert_eq!(cppserver_udp_set_multicast_interface(server.0, null()), 0);
        assert_eq!(cppserver_udp_set_destination(server.0, null()), 0);
        let client = Udp::client(&service, "127.0.0.1", 1);
        refused(cppserver_udp_bind(client.0, null(), 1), "address");
        assert_eq!(cppserver_udp_bind(client.0, null(), 0), 0);
        refused(cppserver_udp_start(client.0, null(), null_mut()), "handler");
    }
    assert_eq!(pending, 7);
}

#[test]
fn null_in_place_of_an_address() {
    let mut buffer = [1 as c_char; 64];
    let mut address = address();
    // SAFETY: NULL is allowed everywhere, and the buffer has as many bytes as it is told to have.
    unsafe {
        refused(cppserver_address_parse(null(), 1, &mut address), "text");
        refused(cppserver_address_parse(c"\xff".as_ptr(), 1, &mut address), "UTF-8");
        refused(cppserver_address_parse(c"::".as_ptr(), 1, null_mut()), "address");
        refused(cppserver_address_text(&address, null_mut(), 64), "buffer");
        refused(cppserver_address_text(&address, buffer.as_mut_ptr(), 0), "buffer");
        assert_eq!(buffer[0], 1);
        refused(cppserver_address_text(null(), buffer.as_mut_ptr(), 64), "address");
        assert_eq!(buffer[0], 0);
    }
    assert_eq!(address, self::address());
}

#[test]
fn null_texts_and_buffers_on_live_handles() {
    let service = Service::new();
    let server = Server::new(&service, 0);
    let client = Client::new(&service, "127.0.0.1", 1);
    let mut buffer = [1 as c_char; 64];
    // SAFETY: the handles are alive, and NULL is allowed everywhere.
    unsafe {
        assert!(cppserver_server_create_tcp(service.0, null(), 0).is_null());
        refused(1, "address");
        assert!(cppserver_client_create_tcp(service.0, null(), 0).is_null());
        refused(1, "host");
        refused(cppserver_server_get_option(server.0, 1, null_mut()), "value");
        refused(cppserver_client_get_option(client.0, 1, null_mut()), "value");
        refused(cppserver_server_multicast(server.0, null(), 1), "data");
        refused(cppserver_session_send(client.session(), null(), 1, null_mut()), "data");
        let session = client.session();
        refused(cppserver_session_peer_address(session, null_mut(), 64, null_mut()), "buffer");
        refused(
            cppserver_session_local_address(session, buffer.as_mut_ptr(), 0, null_mut()),
            "buffer",
        );
        assert_eq!(cppserver_client_bind(client.0, null(), 0), 0);
        refused(cppserver_client_bind(client.0, null(), 1), "address");
    }
    assert_eq!(buffer[0], 1);
}

#[test]
fn texts_that_are_not_utf8() {
    let service = Service::new();
    let client = Client::new(&service, "127.0.0.1", 1);
    // SAFETY: the handles are alive, and the texts end with a NUL.
    unsafe {
        assert!(cppserver_server_create_tcp(service.0, c"\xff".as_ptr(), 0).is_null());
        refused(1, "UTF-8");
        assert!(cppserver_client_create_tcp(service.0, c"\xff".as_ptr(), 0).is_null());
        refused(1, "UTF-8");
        refused(cppserver_client_bind(client.0, c"\xff".as_ptr(), 0), "UTF-8");
    }
}

#[test]
fn a_handler_of_null() {
    let service = Service::new();
    let server = Server::new(&service, 0);
    let client = Client::new(&service, "127.0.0.1", 1);
    // SAFETY: the handles are alive, and NULL is allowed everywhere.
    unsafe {
        refused(cppserver_server_start(server.0, null(), null_mut()), "handler");
        refused(cppserver_client_connect(client.0, null(), null_mut()), "handler");
        assert!(!cppserver_server_is_started(server.0));
        // The handler of a service may be NULL; what user_data is then is nobody's business.
        let user_data = std::ptr::without_provenance_mut(1);
        assert_eq!(cppserver_service_start(service.0, false, null(), user_data), 0);
    }
}

#[test]
fn handlers_whose_members_are_all_null() {
    use std::io::{Read, Write};
    let log = Log::new();
    let service = Service::started();
    let server = Server::new(&service, 0);
    let mut handler = server_handler();
    (handler.on_stopped, handler.on_session) = (None, None);
    (handler.on_connected, handler.on_disconnected, handler.on_error) = (None, None, None);
    assert_eq!(server.start(&handler, probe("server", &log)), 0);
    // A server without on_session accepts, reads and drops.
    let mut peer = server.connect();
    peer.write_all(&[7; 1000]).unwrap();
    peer.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
    // SAFETY: the server is alive.
    assert_eq!(unsafe { cppserver_server_bytes_received(server.0) }, 1000);
    service.stop();
    assert_eq!(log.events(), ["server started", "server destroyed"]);
}
