// What each class of a protocol does beside what all of them do.

#include "nanomsg_support.h"

using namespace Test;

namespace {

// Whether a class lets its users call a function that others hide.
template <class T>
auto Sends(int) -> decltype(std::declval<T&>().Send(std::string()), std::declval<T&>().TrySend(std::string()), std::true_type());
template <class T>
std::false_type Sends(...);

template <class T>
auto Receives(int) -> decltype(std::declval<T&>().Receive(std::declval<Message&>()), std::declval<T&>().TryReceive(std::declval<Message&>()), std::true_type());
template <class T>
std::false_type Receives(...);

template <class T>
std::string Offers()
{
    return std::string(decltype(Sends<T>(0))::value ? "sends " : "") + (decltype(Receives<T>(0))::value ? "receives " : "");
}

template <class T>
std::string RoleOf(T&& object)
{
    Nano::Socket& socket = object.socket();
    return Show(socket.domain()) + " " + Show(socket.protocol());
}

} // namespace

TEST(nanomsg_classes_have_their_roles)
{
    const std::string address = UnusedName();
    CHECK_EQUAL(RoleOf(Nano::PairServer(address)), "Std Pair");
    CHECK_EQUAL(RoleOf(Nano::PairClient(address)), "Std Pair");
    CHECK_EQUAL(RoleOf(Nano::PushServer(address)), "Std Pull");
    CHECK_EQUAL(RoleOf(Nano::PushClient(address)), "Std Push");
    CHECK_EQUAL(RoleOf(Nano::RequestServer(address)), "Std Reply");
    CHECK_EQUAL(RoleOf(Nano::RequestClient(address)), "Std Request");
    CHECK_EQUAL(RoleOf(Nano::SubscribeServer(address)), "Std Publisher");
    CHECK_EQUAL(RoleOf(Nano::SubscribeClient(address)), "Std Subscriber");
    CHECK_EQUAL(RoleOf(Nano::SurveyServer(address)), "Std Surveyor");
    CHECK_EQUAL(RoleOf(Nano::SurveyClient(address)), "Std Respondent");
    CHECK_EQUAL(RoleOf(Nano::Bus(address)), "Std Bus");
    CHECK_EQUAL(RoleOf(Nano::Server(Domain::Raw, Protocol::Push, address)), "Raw Push");
    CHECK_EQUAL(RoleOf(Nano::Client(Domain::Raw, Protocol::Bus, address, false)), "Raw Bus");
}

TEST(nanomsg_classes_offer_what_their_role_can)
{
    CHECK_EQUAL(Offers<Nano::PairServer>() + Offers<Nano::PairClient>() + Offers<Nano::Bus>(), "sends receives sends receives sends receives ");
    CHECK_EQUAL(Offers<Nano::RequestServer>() + Offers<Nano::RequestClient>() + Offers<Nano::SurveyClient>(), "sends receives sends receives sends receives ");
    CHECK_EQUAL(Offers<Nano::PushServer>() + Offers<Nano::SubscribeClient>(), "receives receives ");
    CHECK_EQUAL(Offers<Nano::PushClient>() + Offers<Nano::SubscribeServer>() + Offers<Nano::SurveyServer>(), "sends sends sends ");
    // Through the base it is an error.
    Nano::PushServer server(UnusedName());
    CHECK(server.Start());
    CHECK_EQUAL(static_cast<Nano::Server&>(server).Send("a"), 0u);
    // Servers and clients can not be copied, but moved.
    CHECK(!std::is_copy_constructible<Nano::Bus>::value && !std::is_copy_assignable<Nano::RequestClient>::value);
    CHECK(std::is_move_constructible<Nano::Bus>::value && std::is_move_assignable<Nano::RequestClient>::value);
    CHECK(std::is_nothrow_move_constructible<Nano::Socket>::value && std::is_nothrow_move_constructible<Message>::value);
}

TEST(nanomsg_pair_serves_one_client_after_the_other)
{
    const std::string address = UnusedName();
    LoggedServer<Nano::PairServer> server(address);
    server.received = [&](Message& message) { server.Send("re: " + message.string()); };
    CHECK(server.Start());
    LoggedClient<Nano::PairClient> first(address);
    LoggedClient<Nano::PairClient> second(address);
    CHECK(second.socket().SetupReconnectInterval(std::chrono::milliseconds(1)));
    CHECK(first.Connect());
    CHECK(second.Connect());
    CHECK_EQUAL(first.Send("hello"), 5u);
    first.log.Wait("received re: hello");
    CHECK_EQUAL(second.TrySend("too early"), 0u);
    CHECK(first.Disconnect());
    CHECK_EQUAL(second.Send("at last"), 7u);
    second.log.Wait("received re: at last");
}

TEST(nanomsg_push_is_shared_out)
{
    const std::vector<std::string> addresses = { UnusedName(), UnusedName() };
    LoggedServer<Nano::PushServer> one(addresses[0]);
    LoggedServer<Nano::PushServer> other(addresses[1]);
    CHECK(one.Start() && other.Start());
    LoggedClient<Nano::PushClient> client(addresses[0]);
    CHECK(!client.Link(addresses[1]));
    CHECK(client.Connect());
    CHECK(client.Link(addresses[1]));
    CHECK(!client.Link("nowhere"));
    CHECK_EQUAL(client.log.Count(ErrorText(EINVAL)), 1u);
    for (int number = 0; number < 10; ++number)
        CHECK_EQUAL(client.Send("message"), 7u);
    one.log.Wait("received message", 5);
    other.log.Wait("received message", 5);
}

// A callback blocks its own thread, and nobody else.
TEST(nanomsg_push_blocks_in_a_callback)
{
    const std::string front = UnusedName();
    const std::string back = UnusedName();
    LoggedClient<Nano::PushClient> forward(back);
    LoggedServer<Nano::PushServer> middle(front);
    middle.received = [&](Message& message) { forward.Send(message); };
    CHECK(middle.Start() && forward.Connect());
    Nano::PushClient client(front);
    CHECK(client.Connect());
    std::thread sender([&]()
    {
        for (int number = 0; number < 1000; ++number)
            client.Send(std::string(1000, 'x'));
    });
    LoggedServer<Nano::PushServer> last(back);
    UNTIL(middle.socket().messages_received() > 0);
    CHECK(last.Start());
    last.log.Wait("received " + std::string(1000, 'x'), 1000);
    sender.join();
}

TEST(nanomsg_request_returns_the_reply_and_calls_back)
{
    const std::string address = UnusedName();
    LoggedServer<Nano::RequestServer> server(address);
    server.received = [&](Message& message) { server.Send("re: " + message.string()); };
    LoggedClient<Nano::RequestClient> client(address);
    CHECK(!client.Request("not connected"));
    CHECK(client.Connect());
    std::thread later([&]() { server.Start(); });
    CHECK_EQUAL(client.Request("text").string(), "re: text");
    later.join();
    CHECK_EQUAL(client.Request("buffer", 6).string(), "re: buffer");
    CHECK_EQUAL(client.Request(Bytes("message")).string(), "re: message");
    CHECK_EQUAL(client.Request(Bytes("")).string(), "re: ");
    CHECK(!client.Request(""));
    const std::vector<std::string> expected = { "onConnected", "received re: text", "received re: buffer", "received re: message", "received re: " };
    CHECK_EQUAL(client.log.Events(), expected);
    CHECK(client.thread.load() == std::this_thread::get_id());
    server.received = nullptr;
    CHECK(client.socket().SetupReceiveTimeout(std::chrono::milliseconds(1)));
    CHECK(!client.Request("never answered"));
    client.log.Wait(ErrorText(ETIMEDOUT));
}

TEST(nanomsg_request_that_timed_out_may_still_be_answered)
{
    const std::string address = UnusedName();
    Nano::RequestServer server(address, false);
    Nano::RequestClient client(address);
    CHECK(server.Start() && client.Connect());
    CHECK(client.socket().SetupReceiveTimeout(std::chrono::milliseconds(1)));
    CHECK(!client.Request("question"));
    CHECK(client.socket().SetupReceiveTimeout(std::chrono::milliseconds(-1)));
    CHECK_EQUAL(Hear(server), "question");
    CHECK_EQUAL(server.Send("late"), 4u);
    CHECK_EQUAL(Hear(client), "late");
}

// The thread complained each time it looked, and took the replies of others.
TEST(nanomsg_request_with_a_thread)
{
    const std::string address = UnusedName();
    LoggedServer<Nano::RequestServer> server(address);
    server.received = [&](Message& message) { server.Send("re: " + message.string()); };
    LoggedClient<Nano::RequestClient> client(address, true);
    CHECK(server.Start() && client.Connect());
    client.log.Wait("onIdle", 5);
    CHECK_EQUAL(client.log.Count(ErrorText(EFSM)), 0u);
    // A request that is sent is answered to the thread.
    CHECK_EQUAL(client.Send("to the thread"), 13u);
    client.log.Wait("received re: to the thread");
    CHECK(client.thread.load() != std::this_thread::get_id());
    CHECK_EQUAL(client.socket().Send("from below"), 10u);
    client.log.Wait("received re: from below");
    // Others are made beside it, by any number of threads.
    std::vector<std::thread> threads;
    std::atomic<int> wrong(0);
    for (int number = 0; number < 8; ++number)
    {
        threads.emplace_back([&, number]()
        {
            for (int round = 0; round < 50; ++round)
            {
                const std::string question = std::to_string(number) + "/" + std::to_string(round);
                wrong += (client.Request(question).string() == "re: " + question) ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    CHECK_EQUAL(wrong.load(), 0);
    CHECK_EQUAL(client.socket().messages_received(), 402u);
}

TEST(nanomsg_request_in_a_callback_of_a_server)
{
    const std::string front = UnusedName();
    const std::string back = UnusedName();
    LoggedServer<Nano::RequestServer> worker(back);
    worker.received = [&](Message& message) { worker.Send(message.string() + "!"); };
    Nano::RequestClient ask(back);
    LoggedServer<Nano::RequestServer> proxy(front);
    proxy.received = [&](Message& message) { proxy.Send(ask.Request(message)); };
    Nano::RequestClient client(front);
    CHECK(worker.Start() && ask.Connect() && proxy.Start() && client.Connect());
    CHECK_EQUAL(client.Request("passed on").string(), "passed on!");
}

TEST(nanomsg_request_is_sent_again_after_a_restart)
{
    LoggedServer<Nano::RequestServer> first("tcp://127.0.0.1:0");
    CHECK(first.Start());
    const std::string address = "tcp://127.0.0.1:" + std::to_string(first.port());
    LoggedClient<Nano::RequestClient> client(address);
    CHECK(client.socket().SetupReconnectInterval(std::chrono::milliseconds(1)));
    CHECK(client.Connect());
    std::thread asks([&]() { CHECK_EQUAL(client.Request("question").string(), "answer"); });
    first.log.Wait("received question");
    CHECK(first.Stop());
    LoggedServer<Nano::RequestServer> second(address);
    second.received = [&](Message&) { second.Send("answer"); };
    CHECK(second.Start());
    asks.join();
    CHECK_EQUAL(client.log.Count("received answer"), 1u);
}

TEST(nanomsg_subscribe_by_topics)
{
    const std::string address = UnusedName();
    Nano::SubscribeServer server(address);
    LoggedClient<Nano::SubscribeClient> all(address);
    LoggedClient<Nano::SubscribeClient> some(address, "news");
    LoggedClient<Nano::SubscribeClient> caller(address, "last", false);
    CHECK(server.Start() && all.Connect() && some.Connect() && caller.Connect());
    CHECK_EQUAL(server.Send("news: one"), 9u);
    CHECK_EQUAL(server.Send("weather: rain"), 13u);
    some.log.Wait("received news: one");
    CHECK(some.Subscribe("weather"));
    CHECK_EQUAL(server.Send("weather: sun"), 12u);
    CHECK(some.Unsubscribe("news"));
    CHECK(!some.Unsubscribe("news"));
    CHECK_EQUAL(some.log.Count(ErrorText(EINVAL)), 1u);
    CHECK_EQUAL(server.Send("news: two"), 9u);
    CHECK_EQUAL(server.TrySend("weather, last"), 13u);
    some.log.Wait("received weather, last");
    for (const char* text : { "news: one", "weather: rain", "weather: sun", "news: two", "weather, last" })
        all.log.Wait(std::string("received ") + text);
    CHECK_EQUAL(some.log.Count("received news: one"), 1u);
    CHECK_EQUAL(some.log.Count("received weather: rain"), 0u);
    CHECK_EQUAL(some.log.Count("received weather: sun"), 1u);
    CHECK_EQUAL(some.log.Count("received news: two"), 0u);
    CHECK_EQUAL(server.Send("last"), 4u);
    CHECK_EQUAL(Hear(caller), "last");
}

TEST(nanomsg_survey_of_several_clients)
{
    const std::string address = UnusedName();
    LoggedServer<Nano::SurveyServer> server(address, 200);
    Message message;
    CHECK(server.ReceiveSurvey(message) == std::make_tuple(size_t(0), true));
    CHECK(server.TryReceiveSurvey(message) == std::make_tuple(size_t(0), true));
    CHECK(server.Start());
    int deadline = 0;
    size_t size = sizeof(deadline);
    CHECK(server.socket().GetSocketOption(NN_SURVEYOR, NN_SURVEYOR_DEADLINE, &deadline, &size));
    CHECK_EQUAL(deadline, 200);
    std::vector<std::unique_ptr<LoggedClient<Nano::SurveyClient>>> clients;
    for (int number = 0; number < 3; ++number)
    {
        clients.emplace_back(new LoggedClient<Nano::SurveyClient>(address));
        LoggedClient<Nano::SurveyClient>& client = *clients.back();
        client.received = [&client](Message& question) { client.Send("re: " + question.string()); };
        CHECK(client.Connect());
    }
    for (const std::string& question : { std::string("one"), std::string("other") })
    {
        CHECK_EQUAL(server.Send(question), question.size());
        std::tuple<size_t, bool> result;
        int answers = 0;
        while (!std::get<1>(result = server.ReceiveSurvey(message)))
        {
            CHECK_EQUAL(std::get<0>(result), question.size() + 4);
            CHECK_EQUAL(message.string(), "re: " + question);
            ++answers;
        }
        CHECK_EQUAL(std::get<0>(result), 0u);
        CHECK_EQUAL(answers, 3);
    }
    CHECK(server.ReceiveSurvey(message) == std::make_tuple(size_t(0), true));
    CHECK_EQUAL(server.log.Count(ErrorText(EFSM)), 1u);
    CHECK_EQUAL(server.log.Events().size(), 2u);
}

TEST(nanomsg_survey_with_a_thread)
{
    const std::string address = UnusedName();
    LoggedServer<Nano::Server> server(Domain::Std, Protocol::Surveyor, address);
    LoggedClient<Nano::SurveyClient> client(address);
    client.received = [&](Message&) { client.Send("answer"); };
    CHECK(server.socket().SetupSurveyDeadline(std::chrono::milliseconds(100)));
    CHECK(server.Start() && client.Connect());
    for (size_t round = 1; round <= 2; ++round)
    {
        CHECK_EQUAL(server.Send("question"), 8u);
        server.log.Wait("received answer", round);
        // The end of the survey.
        server.log.Wait(ErrorText(ETIMEDOUT), round);
    }
    CHECK_EQUAL(server.log.Count(ErrorText(EFSM)), 0u);
}

TEST(nanomsg_server_that_can_not_receive_says_so_once)
{
    const std::string address = UnusedName();
    LoggedServer<Nano::Server> server(Domain::Std, Protocol::Publisher, address);
    CHECK(server.Start());
    server.log.Wait(ErrorText(ENOTSUP));
    server.log.Wait("onIdle", 10);
    CHECK_EQUAL(server.log.Count(ErrorText(ENOTSUP)), 1u);
    LoggedClient<Nano::SubscribeClient> client(address);
    CHECK(client.Connect());
    CHECK_EQUAL(server.Send("nevertheless"), 12u);
    client.log.Wait("received nevertheless");
}

TEST(nanomsg_bus_links_survive_a_restart)
{
    std::vector<std::string> addresses;
    std::vector<std::unique_ptr<LoggedServer<Nano::Bus>>> nodes;
    for (int number = 0; number < 3; ++number)
    {
        addresses.push_back(UnusedName());
        nodes.emplace_back(new LoggedServer<Nano::Bus>(addresses.back()));
    }
    CHECK(!nodes[2]->Link(addresses[0]));
    for (const auto& node : nodes)
        CHECK(node->Start());
    CHECK(nodes[2]->Link(addresses[0]));
    CHECK(nodes[2]->Link(addresses[1]));
    CHECK(!nodes[2]->Link("nowhere"));
    CHECK_EQUAL(nodes[2]->log.Count(ErrorText(EINVAL)), 1u);
    CHECK_EQUAL(nodes[2]->Send("to both"), 7u);
    nodes[0]->log.Wait("received to both");
    nodes[1]->log.Wait("received to both");
    CHECK(nodes[2]->Restart());
    CHECK_EQUAL(nodes[2]->Send("after the restart"), 17u);
    nodes[0]->log.Wait("received after the restart");
    CHECK_EQUAL(nodes[0]->Send("back"), 4u);
    nodes[2]->log.Wait("received back");
    // Neighbours do not pass it on, and nobody hears itself.
    CHECK_EQUAL(nodes[1]->log.Count("received back"), 0u);
    CHECK_EQUAL(nodes[2]->log.Count("received to both"), 0u);
}
