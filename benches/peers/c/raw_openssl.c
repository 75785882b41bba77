/* The yardstick of TLS: echo or multicast on system calls and OpenSSL, one thread, as few calls as possible.
 *
 *   raw_openssl echo|multicast --tls CERTIFICATE KEY
 *
 * Prints "port N" once it listens on 127.0.0.1 and ends when standard input does.
 *
 * - Sockets are edge-triggered and registered once. A read that does not fill OpenSSL's buffer of 64 KiB has drained
 *   the socket, so no further read is made to see EAGAIN.
 * - All that one event brought is decrypted, and answered by one SSL_write for up to 64 KiB of it. What OpenSSL makes
 *   of that goes through a BIO of our own into memory that all connections share, and leaves with one call.
 * - Only what the kernel refuses is copied; the connection is not read again until that is written (backpressure
 *   towards the sender).
 * - Buffers are released while they are not in use. Sessions are resumed by tickets alone, none is remembered.
 * - Multicast gathers what one batch of events brought and encrypts and sends it once per connection.
 * - After READ_BUDGET batches the next connection gets its turn; EPOLL_CTL_MOD makes the kernel report the rest.
 * - The listener is level-triggered and gives one connection per event, which needs no accept that fails.
 *   TCP_NODELAY set on it is inherited by the connections.
 */
#define _GNU_SOURCE
#include "sockets.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

enum { EVENTS = 1024, READ_BUDGET = 4, BATCH = 64 * 1024, CIPHERTEXT = 2 * BATCH };

struct connection {
    SSL *tls; /* NULL when it is not open */
    struct outbox outbox;
    uint32_t index; /* place in `open_sockets`, for multicast */
    bool drained;   /* a read would bring nothing */
};

static int epoll;
static bool multicast;
static SSL_CTX *context;
static BIO_METHOD *method;
static char plaintext[BATCH];
static char ciphertext[CIPHERTEXT]; /* of the connection that is being served */
static size_t ciphertext_size;
static bool broken; /* the connection that is being served cannot be written */
static bool ends;   /* its end is near: a short read does not tell that it is drained */
static char gathered[BATCH]; /* for multicast */
static size_t gathered_size;
static struct connection *connections; /* by socket number */
static size_t connections_size;
static int *open_sockets;
static uint32_t open_count;

static void fail_tls(const char *what) {
    fprintf(stderr, "%s: ", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void register_socket(int operation, int socket, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = socket};
    if (epoll_ctl(epoll, operation, socket, &event) != 0)
        fail("epoll_ctl");
}

/* Sends what OpenSSL has written. */
static void send_ciphertext(int socket) {
    if (ciphertext_size > 0 && !write_or_keep(&connections[socket].outbox, socket, ciphertext, ciphertext_size))
        broken = true;
    ciphertext_size = 0;
}

static int bio_write(BIO *bio, const char *data, int size) {
    int socket = (int)(intptr_t)BIO_get_data(bio);
    if (ciphertext_size + (size_t)size > CIPHERTEXT)
        send_ciphertext(socket);
    memcpy(ciphertext + ciphertext_size, data, (size_t)size); /* a record or a flight, far smaller than the memory */
    ciphertext_size += (size_t)size;
    return size;
}

static int bio_read(BIO *bio, char *data, int size) {
    int socket = (int)(intptr_t)BIO_get_data(bio);
    struct connection *connection = &connections[socket];
    BIO_clear_retry_flags(bio);
    ssize_t count = -1;
    if (!connection->drained) {
        count = recv(socket, data, (size_t)size, 0);
        if (count >= 0) {
            connection->drained = count < size && !ends;
            return (int)count;
        }
        if (errno != EAGAIN)
            return -1;
    }
    BIO_set_retry_read(bio);
    return -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; /* the end of each event does that */
}

static void close_connection(int socket) {
    struct connection *connection = &connections[socket];
    int last = open_sockets[--open_count];
    open_sockets[connection->index] = last;
    connections[last].index = connection->index;
    SSL_free(connection->tls);
    free(connection->outbox.unsent);
    memset(connection, 0, sizeof *connection);
    close(socket);
}

static void accept_connection(int listener) {
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            fail("accept4");
        return;
    }
    if ((size_t)socket >= connections_size) {
        size_t size = (size_t)socket * 2;
        connections = grow(connections, size * sizeof *connections);
        memset(connections + connections_size, 0, (size - connections_size) * sizeof *connections);
        open_sockets = grow(open_sockets, size * sizeof *open_sockets);
        connections_size = size;
    }
    SSL *tls = SSL_new(context);
    BIO *bio = BIO_new(method);
    if (tls == NULL || bio == NULL)
        fail_tls("SSL_new");
    BIO_set_data(bio, (void *)(intptr_t)socket);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls, bio, bio);
    SSL_set_accept_state(tls);
    connections[socket].tls = tls;
    connections[socket].index = open_count;
    open_sockets[open_count++] = socket;
    register_socket(EPOLL_CTL_ADD, socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void multicast_gathered(void) {
    for (uint32_t index = 0; index < open_count; ++index) {
        int socket = open_sockets[index];
        /* A connection that breaks here is closed when its own event comes. */
        if (SSL_is_init_finished(connections[socket].tls)) {
            SSL_write(connections[socket].tls, gathered, (int)gathered_size);
            send_ciphertext(socket);
        }
    }
    gathered_size = 0;
}

static void deliver(SSL *tls, int socket, size_t size) {
    if (!multicast) {
        SSL_write(tls, plaintext, (int)size);
        return;
    }
    if (gathered_size + size > BATCH) {
        send_ciphertext(socket); /* of the handshake, before others need the memory */
        multicast_gathered();
    }
    memcpy(gathered + gathered_size, plaintext, size);
    gathered_size += size;
}

static void serve(int socket, uint32_t events) {
    struct connection *connection = &connections[socket];
    SSL *tls = connection->tls;
    if (tls == NULL) /* closed earlier in this batch of events */
        return;
    if (connection->outbox.unsent != NULL && !write_kept(&connection->outbox, socket)) {
        close_connection(socket);
        return;
    }
    connection->drained = false;
    broken = false;
    ends = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    for (int reads = 0; connection->outbox.unsent == NULL || multicast; ++reads) {
        if (reads == READ_BUDGET) {
            register_socket(EPOLL_CTL_MOD, socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
            return;
        }
        size_t size = 0;
        int count = 1;
        while (size < BATCH && (count = SSL_read(tls, plaintext + size, (int)(BATCH - size))) > 0)
            size += (size_t)count;
        int error = count > 0 ? SSL_ERROR_NONE : SSL_get_error(tls, count);
        if (size > 0)
            deliver(tls, socket, size);
        if (error == SSL_ERROR_ZERO_RETURN)
            SSL_shutdown(tls);
        send_ciphertext(socket);
        if (broken || (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ)) {
            ERR_clear_error();
            close_connection(socket);
            return;
        }
        if (error == SSL_ERROR_WANT_READ)
            return;
    }
}

static void prepare_tls(const char *certificate, const char *key) {
    context = SSL_CTX_new(TLS_server_method());
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shared memory");
    if (context == NULL || method == NULL || !BIO_meth_set_write(method, bio_write) ||
        !BIO_meth_set_read(method, bio_read) || !BIO_meth_set_ctrl(method, bio_control) ||
        SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        fail_tls("the TLS context");
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, BATCH);
}

int main(int count, char **arguments) {
    if (count != 5 || strcmp(arguments[2], "--tls") != 0) {
        fprintf(stderr, "usage: raw_openssl echo|multicast --tls CERTIFICATE KEY\n");
        return 2;
    }
    multicast = strcmp(arguments[1], "multicast") == 0;
    prepare_tls(arguments[3], arguments[4]);
    connections_size = 64;
    connections = grow(NULL, connections_size * sizeof *connections);
    memset(connections, 0, connections_size * sizeof *connections);
    open_sockets = grow(NULL, connections_size * sizeof *open_sockets);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("epoll_create1");
    int listener = listen_on_loopback();
    register_socket(EPOLL_CTL_ADD, listener, EPOLLIN);
    register_socket(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN);

    static struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int index = 0; index < ready; ++index) {
            int socket = events[index].data.fd;
            if (socket == listener) {
                accept_connection(listener);
            } else if (socket == STDIN_FILENO) {
                if (read(STDIN_FILENO, plaintext, sizeof plaintext) <= 0)
                    return 0;
            } else {
                serve(socket, events[index].events);
            }
        }
        if (gathered_size > 0)
            multicast_gathered();
    }
}
