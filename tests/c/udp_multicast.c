/* Groups on the loopback interface: members hear them, nobody else does. */
#include "datagrams.h"

#define GROUP "239.255.0.1"
#define OTHER_GROUP "239.255.0.2"
#define GROUP_V6 "ff02::4242"
#define OTHER_GROUP_V6 "ff02::4243"

/* The loopback interface, by its IPv4 address. */
#define LOOPBACK "127.0.0.1"

/* An interface that carries multicasts of IPv6, which the loopback interface of Linux does not. */
#if defined(__linux__)
#define INTERFACE_V6 "v0"
#elif defined(_WIN32)
#define INTERFACE_V6 "1"
#else
#define INTERFACE_V6 "lo0"
#endif

#ifdef __linux__
#define OWN_NETWORK "CPPSERVER_TEST_OWN_NETWORK"
#define SET_UP                                                                            \
    "ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && " \
    "ip link set v0 up && ip addr add 192.0.2.1/24 dev v0 && "                            \
    "ip -6 addr add fd00::1/64 dev v0 nodad && ip -6 addr add fd00::2/64 dev v0 nodad"
#define ENTER "unshare --net --map-root-user sh -c '" SET_UP

/* Begins this program again, in a network of its own. Returns where this user may make none. */
static void enter_own_network(char **arguments)
{
    if (getenv(OWN_NETWORK) != NULL || system(ENTER "' >/dev/null 2>&1") != 0)
        return;
    char *const command[] = { "unshare", "--net", "--map-root-user", "sh", "-c",
                              SET_UP " && exec \"$0\" \"$@\"", arguments[0] };
    enum { WORDS = sizeof command / sizeof *command };
    char *words[WORDS + 64] = { 0 };
    memcpy(words, command, sizeof command);
    for (int number = 1; arguments[number] != NULL && number < 64; ++number)
        words[WORDS + number - 1] = arguments[number];
    setenv(OWN_NETWORK, "1", 1);
    execvp(words[0], words);
    unsetenv(OWN_NETWORK);
}

/* Whether INTERFACE_V6 is there. */
static bool has_own_network(const char *test)
{
    bool good = getenv(OWN_NETWORK) != NULL;
    if (!good)
        printf("  %s needs unshare, ip, and the right to make a network: left out\n", test);
    return good;
}
#else
static bool has_own_network(const char *test)
{
    (void)test;
    return true;
}
#endif

/* A receiver on the port of a group, that others on this machine may share; 0 for a port of its own. */
static node *receiver(cppserver_service *service, const char *address, uint16_t port)
{
    node *self = node_of(cppserver_udp_create_server(service, address, port));
    self->listens = true;
    CHECK_OK(node_set(self, CPPSERVER_OPTION_REUSE_ADDRESS, 1));
    return node_started(self);
}

static void join(node *self, const char *group)
{
    CHECK_OK(cppserver_udp_join(self->udp, group, NULL, LOOPBACK));
}

static void leave(node *self, const char *group)
{
    CHECK_OK(cppserver_udp_leave(self->udp, group, NULL, LOOPBACK));
}

static node *member(cppserver_service *service, uint16_t port)
{
    node *self = receiver(service, "0.0.0.0", port);
    join(self, GROUP);
    WAIT_FOR(&self->journal, "joined " GROUP);
    return self;
}

/* Sends to a group by way of the loopback interface. */
static node *sender(cppserver_service *service, const char *group, uint16_t port)
{
    node *self = node_of(cppserver_udp_create_server(service, "0.0.0.0", 0));
    cppserver_address destination = address_of(group, port);
    CHECK_OK(cppserver_udp_set_destination(self->udp, &destination));
    CHECK_OK(cppserver_udp_set_multicast_interface(self->udp, LOOPBACK));
    return node_started(self);
}

static void every_member_hears_and_nobody_else(void)
{
    enum { MEMBERS = 5 };
    cppserver_service *service = service_started(1);
    node *members[MEMBERS];
    uint16_t port = 0;
    for (int number = 0; number < MEMBERS; ++number) {
        members[number] = member(service, port);
        port = node_port(members[number]);
    }
    node *outsider = receiver(service, "0.0.0.0", port);
    node *elsewhere = receiver(service, "0.0.0.0", port);
    join(elsewhere, OTHER_GROUP);
    WAIT_FOR(&elsewhere->journal, "joined " OTHER_GROUP);
    node *from = sender(service, GROUP, port);
    CHECK_OK(node_send(from, "one"));
    CHECK_OK(node_send(from, ""));
    CHECK_OK(node_send(from, "two"));
    for (int number = 0; number < MEMBERS; ++number) {
        CHECK(counter_reaches(&members[number]->received, 3));
        CHECK_JOURNAL(&members[number]->heard, "one, , two");
        CHECK_NUMBER(members[number]->from.port, node_port(from));
    }
    /* The last ones got the last datagram after the others would have got theirs; and to be sure: */
    node *to_other = sender(service, OTHER_GROUP, port);
    CHECK_OK(node_send(to_other, "other"));
    CHECK(counter_reaches(&elsewhere->received, 1));
    CHECK_JOURNAL(&elsewhere->heard, "other");
    CHECK_JOURNAL(&outsider->heard, "");
    service_finished(service);
    CHECK_NUMBER(counter_value(&outsider->received), 0);
    for (int number = 0; number < MEMBERS; ++number) {
        CHECK_NUMBER(counter_value(&members[number]->received), 3);
        node_free(members[number]);
    }
    node_free(to_other);
    node_free(from);
    node_free(elsewhere);
    node_free(outsider);
}

static void who_left_hears_no_more(void)
{
    cppserver_service *service = service_started(1);
    node *leaving = member(service, 0);
    node *staying = member(service, node_port(leaving));
    node *from = sender(service, GROUP, node_port(leaving));
    CHECK_OK(node_send(from, "to both"));
    CHECK(counter_reaches(&leaving->received, 1));
    leave(leaving, GROUP);
    WAIT_FOR(&leaving->journal, "left " GROUP);
    CHECK_OK(node_send(from, "to one"));
    CHECK(counter_reaches(&staying->received, 2));
    join(leaving, GROUP);
    CHECK(journal_has(&leaving->journal, "joined " GROUP, 2));
    CHECK_OK(node_send(from, "to both again"));
    CHECK(counter_reaches(&leaving->received, 2));
    CHECK(counter_reaches(&staying->received, 3));
    service_finished(service);
    CHECK_JOURNAL(&leaving->heard, "to both, to both again");
    CHECK_JOURNAL(&staying->heard, "to both, to one, to both again");
    CHECK_JOURNAL(&leaving->journal, "started, joined " GROUP ", left " GROUP ", joined " GROUP ", stopped 7, destroy");
    node_free(from);
    node_free(staying);
    node_free(leaving);
}

/* Joins again as soon as it has left, and leaves as soon as it has joined. */
static void come_and_go(node *self, node_event event)
{
    if (event == NODE_JOINED && journal_count(&self->journal, "joined " GROUP) < 200)
        leave(self, GROUP);
    if (event == NODE_LEFT)
        join(self, GROUP);
}

static void members_come_and_go_while_others_send(void)
{
    cppserver_service *service = service_started(1), *others = service_started(1);
    node *staying = member(others, 0), *moving = receiver(others, "0.0.0.0", node_port(staying));
    node *from = sender(service, GROUP, node_port(staying));
    node_set_hook(moving, come_and_go, NULL);
    join(moving, GROUP);
    /* One at a time, so that none is lost. */
    long sent = 0;
    do {
        CHECK_OK(node_send(from, "tick"));
        CHECK(counter_reaches(&staying->received, ++sent));
    } while (journal_count(&moving->journal, "joined " GROUP) < 200 && !atomic_load(&test_has_failed));
    /* It is a member at the end. */
    long before = counter_value(&moving->received);
    CHECK_OK(node_send(from, "last"));
    CHECK(counter_reaches(&moving->received, before + 1));
    CHECK(counter_reaches(&staying->received, sent + 1));
    service_finished(service);
    service_finished(others);
    CHECK_NUMBER(counter_value(&staying->received), sent + 1);
    CHECK_NUMBER(journal_count(&moving->journal, "left " GROUP), 199);
    CHECK_NUMBER(counter_value(&moving->errors), 0);
    node_free(from);
    node_free(moving);
    node_free(staying);
}

static void one_endpoint_in_several_groups(void)
{
    enum { GROUPS = 10 };
    cppserver_service *service = service_started(1);
    node *self = receiver(service, "0.0.0.0", 0);
    node *from = sender(service, GROUP, node_port(self));
    char group[32];
    for (int number = 0; number < GROUPS; ++number) {
        snprintf(group, sizeof group, "239.255.1.%d", number);
        join(self, group);
    }
    snprintf(group, sizeof group, "joined 239.255.1.%d", GROUPS - 1);
    WAIT_FOR(&self->journal, group);
    for (int number = 0; number < GROUPS; ++number) {
        snprintf(group, sizeof group, "239.255.1.%d", number);
        CHECK_OK(node_send_to(from, address_of(group, node_port(self)), group));
        CHECK(counter_reaches(&self->received, number + 1));
        CHECK_TEXT(self->data, group);
    }
    service_finished(service);
    node_free(from);
    node_free(self);
}

#ifdef __linux__
/* Elsewhere a socket of IPv6 takes no groups of IPv4. */
static void a_dual_stack_hears_its_groups_of_both_versions_alone(void)
{
    cppserver_service *service = service_started(1);
    node *old = member(service, 0);
    node *dual = receiver(service, "::", node_port(old)), *outsider = receiver(service, "::", node_port(old));
    node *from = sender(service, GROUP, node_port(old));
    CHECK_OK(node_send(from, "before"));
    CHECK(counter_reaches(&old->received, 1));
    join(dual, GROUP);
    WAIT_FOR(&dual->journal, "joined " GROUP);
    CHECK_OK(node_send(from, "after"));
    CHECK(counter_reaches(&dual->received, 1));
    CHECK(counter_reaches(&old->received, 2));
    CHECK_NUMBER(dual->from.version, 4);
    service_finished(service);
    CHECK_JOURNAL(&dual->heard, "after");
    CHECK_JOURNAL(&outsider->heard, "");
    node_free(from);
    node_free(outsider);
    node_free(dual);
    node_free(old);
}
#endif

static void wrong_joins_and_leaves_are_errors_and_nothing_ends(void)
{
    cppserver_service *service = service_started(1);
    node *self = member(service, 0);
    join(self, GROUP);
    CHECK(counter_reaches(&self->errors, 1));
    CHECK_NUMBER(self->error_code, PLATFORM_ADDRESS_IN_USE);
    CHECK(strstr(self->error_message, GROUP) != NULL);
    self->error_message[0] = '\0';
    leave(self, OTHER_GROUP);
    CHECK(counter_reaches(&self->errors, 2));
#ifndef _WIN32
    CHECK_NUMBER(self->error_code, PLATFORM_ADDRESS_NOT_AVAILABLE);
#endif
    CHECK(strstr(self->error_message, OTHER_GROUP) != NULL);
    /* Groups of the version of IP that the socket does not speak, and addresses that are on no interface. */
    CHECK_OK(cppserver_udp_join(self->udp, GROUP_V6, NULL, INTERFACE_V6));
    CHECK(counter_reaches(&self->errors, 3));
    CHECK_OK(cppserver_udp_join(self->udp, OTHER_GROUP, NULL, "203.0.113.1"));
    CHECK(counter_reaches(&self->errors, 4));
    /* The membership is what it was. */
    node *from = sender(service, GROUP, node_port(self));
    CHECK_OK(node_send(from, "still a member"));
    CHECK(counter_reaches(&self->received, 1));
    service_finished(service);
    CHECK_JOURNAL(&self->journal, "started, joined " GROUP ", error system, error system, error system, error system, "
                                  "stopped 7, destroy");
    node_free(from);
    node_free(self);
}

static void a_restart_ends_memberships(void)
{
    cppserver_service *service = service_started(1);
    node *self = member(service, 0);
    node *witness = member(service, node_port(self));
    node *from = sender(service, GROUP, node_port(self));
    CHECK_OK(cppserver_udp_restart(self->udp));
    CHECK(journal_has(&self->journal, "started", 2));
    CHECK_OK(cppserver_udp_restart(from->udp));
    CHECK(journal_has(&from->journal, "started", 2));
    /* The destination and the interface of a sender outlive a restart. */
    CHECK_OK(node_send(from, "unheard"));
    CHECK(counter_reaches(&witness->received, 1));
    join(self, GROUP);
    CHECK(journal_has(&self->journal, "joined " GROUP, 2));
    CHECK_OK(node_send(from, "heard"));
    CHECK(counter_reaches(&self->received, 1));
    service_finished(service);
    CHECK_JOURNAL(&self->heard, "heard");
    node_free(from);
    node_free(witness);
    node_free(self);
}

/* ---- IPv6 ---- */

static node *sender_v6(cppserver_service *service, const char *address)
{
    node *self = node_of(cppserver_udp_create_server(service, address, 0));
    CHECK_OK(cppserver_udp_set_multicast_interface(self->udp, INTERFACE_V6));
    return node_started(self);
}

static void members_of_an_ipv6_group_hear(void)
{
    if (!has_own_network(__func__))
        return;
    cppserver_service *service = service_started(1);
    node *member = receiver(service, "::", 0);
    node *elsewhere = receiver(service, "::", node_port(member));
    CHECK_OK(cppserver_udp_join(member->udp, GROUP_V6, NULL, INTERFACE_V6));
    CHECK_OK(cppserver_udp_join(elsewhere->udp, OTHER_GROUP_V6, NULL, INTERFACE_V6));
    WAIT_FOR(&member->journal, "joined " GROUP_V6);
    WAIT_FOR(&elsewhere->journal, "joined " OTHER_GROUP_V6);
    node *from = sender_v6(service, "::");
    cppserver_address group = address_of(GROUP_V6, node_port(member));
    CHECK_OK(node_send_to(from, group, "over IPv6"));
    CHECK(counter_reaches(&member->received, 1));
    CHECK_NUMBER(member->from.version, 6);
    CHECK_NUMBER(member->from.port, node_port(from));
    /* An endpoint of IPv6 takes no address for an interface. */
    CHECK_FAILS(cppserver_udp_set_multicast_interface(from->udp, LOOPBACK), CPPSERVER_STATUS_SYSTEM);
    CHECK_OK(cppserver_udp_leave(member->udp, GROUP_V6, NULL, INTERFACE_V6));
    WAIT_FOR(&member->journal, "left " GROUP_V6);
    CHECK_OK(node_send_to(from, group, "unheard"));
    CHECK_OK(node_send_to(from, address_of(OTHER_GROUP_V6, node_port(member)), "other"));
    CHECK(counter_reaches(&elsewhere->received, 1));
    service_finished(service);
    CHECK_JOURNAL(&member->heard, "over IPv6");
    CHECK_JOURNAL(&elsewhere->heard, "other");
    node_free(from);
    node_free(elsewhere);
    node_free(member);
}

/* On the loopback interface itself nothing can be kept away from this machine. */
static void a_machine_need_not_hear_itself(void)
{
    if (!has_own_network(__func__))
        return;
    cppserver_service *service = service_started(1);
    node *member = receiver(service, "::", 0);
    CHECK_OK(cppserver_udp_join(member->udp, GROUP_V6, NULL, INTERFACE_V6));
    WAIT_FOR(&member->journal, "joined " GROUP_V6);
    node *from = sender_v6(service, "::");
    cppserver_address group = address_of(GROUP_V6, node_port(member));
    CHECK_OK(node_set(from, CPPSERVER_OPTION_MULTICAST_LOOP, 0));
    CHECK_OK(node_send_to(from, group, "unheard"));
    CHECK(counter_reaches(&from->sent, 1));
    CHECK_OK(node_set(from, CPPSERVER_OPTION_MULTICAST_LOOP, 1));
    CHECK_OK(node_send_to(from, group, "heard"));
    WAIT_FOR(&member->heard, "heard");
    service_finished(service);
    CHECK_JOURNAL(&member->heard, "heard");
    node_free(from);
    node_free(member);
}

/* ---- one source ---- */

#ifdef __linux__
/* A second address of the loopback interface, which not all systems have. */
static void only_the_named_source_is_heard(void)
{
    cppserver_service *service = service_started(1);
    node *member = receiver(service, "0.0.0.0", 0), *everyone = receiver(service, "0.0.0.0", node_port(member));
    join(everyone, GROUP);
    CHECK_OK(cppserver_udp_join(member->udp, GROUP, "127.0.0.1", LOOPBACK));
    WAIT_FOR(&member->journal, "joined " GROUP " from 127.0.0.1");
    WAIT_FOR(&everyone->journal, "joined " GROUP);
    node *allowed = node_of(cppserver_udp_create_server(service, "127.0.0.1", 0));
    node *refused = node_of(cppserver_udp_create_server(service, "127.0.0.2", 0));
    node *nodes[] = { refused, allowed };
    cppserver_address group = address_of(GROUP, node_port(member));
    for (int number = 0; number < 2; ++number) {
        CHECK_OK(cppserver_udp_set_multicast_interface(nodes[number]->udp, LOOPBACK));
        node_started(nodes[number]);
        CHECK_OK(node_send_to(nodes[number], group, number == 0 ? "refused" : "allowed"));
        CHECK(counter_reaches(&everyone->received, number + 1));
    }
    CHECK(counter_reaches(&member->received, 1));
    CHECK_JOURNAL(&member->heard, "allowed");
    CHECK_JOURNAL(&everyone->heard, "refused, allowed");
    /* A second source joins, the first one leaves. */
    CHECK_OK(cppserver_udp_join(member->udp, GROUP, "127.0.0.2", "lo"));
    WAIT_FOR(&member->journal, "joined " GROUP " from 127.0.0.2");
    CHECK_OK(cppserver_udp_leave(member->udp, GROUP, "127.0.0.1", LOOPBACK));
    WAIT_FOR(&member->journal, "left " GROUP " from 127.0.0.1");
    CHECK_OK(node_send_to(allowed, group, "now refused"));
    CHECK_OK(node_send_to(refused, group, "now allowed"));
    CHECK(counter_reaches(&member->received, 2));
    CHECK(counter_reaches(&everyone->received, 4));
    /* A source that was not joined, and one that was joined already. */
    CHECK_OK(cppserver_udp_leave(member->udp, GROUP, "127.0.0.3", LOOPBACK));
    CHECK(counter_reaches(&member->errors, 1));
    CHECK_NUMBER(member->error_code, EADDRNOTAVAIL);
    CHECK_OK(cppserver_udp_join(member->udp, GROUP, "127.0.0.2", LOOPBACK));
    CHECK(counter_reaches(&member->errors, 2));
    service_finished(service);
    CHECK_JOURNAL(&member->heard, "allowed, now allowed");
    node_free(refused);
    node_free(allowed);
    node_free(everyone);
    node_free(member);
}

static void only_the_named_ipv6_source_is_heard(void)
{
    const char *const group_text = "ff35::8000:1";
    if (!has_own_network(__func__))
        return;
    cppserver_service *service = service_started(1);
    node *member = receiver(service, "::", 0);
    CHECK_OK(cppserver_udp_join(member->udp, group_text, "fd00::1", INTERFACE_V6));
    WAIT_FOR(&member->journal, "joined ff35::8000:1 from fd00::1");
    node *allowed = sender_v6(service, "fd00::1"), *refused = sender_v6(service, "fd00::2");
    cppserver_address group = address_of(group_text, node_port(member));
    CHECK_OK(node_send_to(refused, group, "refused"));
    CHECK(counter_reaches(&refused->sent, 1));
    CHECK_OK(node_send_to(allowed, group, "allowed"));
    CHECK(counter_reaches(&member->received, 1));
    CHECK(address_equals(member->from, address_of("fd00::1", node_port(allowed))));
    CHECK_OK(cppserver_udp_leave(member->udp, group_text, "fd00::1", INTERFACE_V6));
    WAIT_FOR(&member->journal, "left ff35::8000:1 from fd00::1");
    CHECK_OK(cppserver_udp_join(member->udp, group_text, "fd00::2", INTERFACE_V6));
    WAIT_FOR(&member->journal, "joined ff35::8000:1 from fd00::2");
    CHECK_OK(node_send_to(allowed, group, "now refused"));
    CHECK(counter_reaches(&allowed->sent, 2));
    CHECK_OK(node_send_to(refused, group, "now allowed"));
    CHECK(counter_reaches(&member->received, 2));
    service_finished(service);
    CHECK_JOURNAL(&member->heard, "allowed, now allowed");
    node_free(refused);
    node_free(allowed);
    node_free(member);
}
#endif

/* ---- several I/O threads ---- */

static void members_on_several_threads_hear_all_in_order(void)
{
    enum { MEMBERS = 8, DATAGRAMS = 1000, WINDOW = 20 };
    cppserver_service *service = service_started(4);
    node *members[MEMBERS];
    uint16_t port = 0;
    for (int number = 0; number < MEMBERS; ++number) {
        members[number] = member(service, port);
        members[number]->listens = false;
        port = node_port(members[number]);
    }
    node *from = sender(service, GROUP, port);
    for (long sent = 0; sent < DATAGRAMS; sent += WINDOW) {
        for (long number = sent; number < sent + WINDOW; ++number) {
            char text[16];
            snprintf(text, sizeof text, "%ld", number);
            CHECK_OK(node_send(from, text));
        }
        for (int number = 0; number < MEMBERS; ++number) {
            CHECK(counter_reaches(&members[number]->received, sent + WINDOW));
            CHECK_NUMBER(strtol(members[number]->data, NULL, 10), sent + WINDOW - 1);
        }
    }
    service_finished(service);
    CHECK_NUMBER(counter_value(&from->sent), DATAGRAMS);
    for (int number = 0; number < MEMBERS; ++number) {
        CHECK_NUMBER(counter_value(&members[number]->received), DATAGRAMS);
        node_free(members[number]);
    }
    node_free(from);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(every_member_hears_and_nobody_else),
        TEST(who_left_hears_no_more),
        TEST(members_come_and_go_while_others_send),
        TEST(one_endpoint_in_several_groups),
        TEST(wrong_joins_and_leaves_are_errors_and_nothing_ends),
        TEST(a_restart_ends_memberships),
        TEST(a_machine_need_not_hear_itself),
        TEST(members_of_an_ipv6_group_hear),
#ifdef __linux__
        TEST(a_dual_stack_hears_its_groups_of_both_versions_alone),
        TEST(only_the_named_source_is_heard),
        TEST(only_the_named_ipv6_source_is_heard),
#endif
        TEST(members_on_several_threads_hear_all_in_order),
    };
#ifdef __linux__
    enter_own_network(arguments);
#endif
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
