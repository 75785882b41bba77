// Contexts, devices, and objects that the I/O threads of a service call back.

#include "child.h"
#include "nanomsg_support.h"
#include "raw_peer.h"

using namespace Test;

TEST(nanomsg_contexts_ask_and_answer_at_the_same_time)
{
    SocketsOf sockets(Protocol::Reply, Protocol::Request);
    std::vector<Nano::Context> workers;
    for (int number = 0; number < 2; ++number)
        workers.emplace_back(sockets.server);
    std::vector<std::thread> threads;
    for (Nano::Context& worker : workers)
    {
        threads.emplace_back([&worker]()
        {
            Message message;
            while (worker.Receive(message) > 0)
                worker.Send("re: " + message.string());
        });
    }
    {
        Nano::Context one(sockets.client);
        Nano::Context other(sockets.client);
        CHECK(&one.socket() == &sockets.client);
        CHECK_EQUAL(one.Send("one"), 3u);
        CHECK_EQUAL(other.Request("other").string(), "re: other");
        CHECK_EQUAL(other.Request("buffer", 6).string(), "re: buffer");
        CHECK_EQUAL(other.Request(Bytes("message")).string(), "re: message");
        CHECK_EQUAL(Hear(one), "re: one");
        Message message;
        CHECK_FAILS(one.Receive(message), EFSM);
        CHECK_EQUAL(one.Send(nullptr, 5), 0u);
        CHECK_EQUAL(one.Send(Message()), 0u);
        Nano::Context moved(std::move(one));
        CHECK_EQUAL(moved.Send(Bytes("moved")), 5u);
        UNTIL(moved.TryReceive(message) > 0);
        CHECK_EQUAL(message.string(), "re: moved");
        CHECK_EQUAL(sockets.client.Send("own"), 3u);
        CHECK_EQUAL(Hear(sockets.client), "re: own");
    }
    sockets.server.Close();
    for (std::thread& thread : threads)
        thread.join();
}

TEST(nanomsg_contexts_of_surveys)
{
    SocketsOf sockets(Protocol::Surveyor, Protocol::Respondent);
    CHECK(sockets.server.SetupSurveyDeadline(std::chrono::milliseconds(100)));
    Nano::Context asks(sockets.server);
    Nano::Context answers(sockets.client);
    Message message;
    CHECK_EQUAL(asks.Send("question"), 8u);
    CHECK(asks.TryReceiveSurvey(message) == std::make_tuple(size_t(0), false));
    CHECK_EQUAL(Hear(answers), "question");
    CHECK_EQUAL(answers.Send("answer"), 6u);
    CHECK(asks.ReceiveSurvey(message) == std::make_tuple(size_t(6), false));
    CHECK(asks.ReceiveSurvey(message) == std::make_tuple(size_t(0), true));
    CHECK_FAILS(asks.ReceiveSurvey(message), EFSM);
}

TEST(nanomsg_contexts_end_with_their_socket)
{
    SocketsOf sockets(Protocol::Reply, Protocol::Request);
    Nano::Socket pair(Domain::Std, Protocol::Pair);
    CHECK_FAILS(Nano::Context{ pair }, ENOTSUP);
    Nano::Socket raw(Domain::Raw, Protocol::Request);
    CHECK_FAILS(Nano::Context{ raw }, ENOTSUP);
    Nano::Context context(sockets.client);
    CHECK_EQUAL(context.Send("question"), 8u);
    std::atomic<bool> begun(false);
    std::thread blocked([&]()
    {
        begun = true;
        CHECK_EQUAL(Hear(context), "(nothing)");
    });
    UNTIL(begun);
    CHECK(sockets.client.Close());
    blocked.join();
    CHECK_EQUAL(context.Send("a"), 0u);
    CHECK(!context.Request("a"));
    Message message;
    CHECK(context.ReceiveSurvey(message) == std::make_tuple(size_t(0), true));
    CHECK_FAILS(Nano::Context(sockets.client), EBADF);
}

TEST(nanomsg_device_passes_requests_on)
{
    const std::string front_address = UnusedName();
    const std::string back_address = UnusedName();
    Nano::Socket front(Domain::Raw, Protocol::Reply);
    Nano::Socket back(Domain::Raw, Protocol::Request);
    CHECK(front.Bind(front_address));
    CHECK(back.Bind(back_address));
    LoggedClient<Nano::Client> worker(Domain::Std, Protocol::Reply, back_address);
    worker.received = [&](Message& message) { worker.Send("re: " + message.string()); };
    LoggedClient<Nano::RequestClient> client(front_address);
    CHECK(worker.Connect() && client.Connect());
    {
        const Nano::Device device(front, back);
        CHECK_EQUAL(client.Request("question").string(), "re: question");
    }
    CHECK(client.socket().SetupReceiveTimeout(std::chrono::milliseconds(1)));
    CHECK(!client.Request("nobody passes it on"));
    CHECK_FAILS(Nano::Device(front, front), EINVAL);
    Nano::Socket cooked(Domain::Std, Protocol::Request);
    CHECK_FAILS(Nano::Device(front, cooked), EINVAL);
}

TEST(nanomsg_device_headers_by_hand)
{
    const std::string address = UnusedName();
    Nano::Socket raw(Domain::Raw, Protocol::Reply);
    CHECK(raw.Bind(address));
    Nano::RequestClient client(address);
    CHECK(client.Connect());
    CHECK_EQUAL(client.Send("question"), 8u);
    Message message;
    CHECK_EQUAL(raw.Receive(message), 8u);
    CHECK_EQUAL(message.header().size(), 2u);
    Message answer("answer", 6);
    CHECK_FAILS(raw.Send(answer), EINVAL);
    CHECK(answer.SetHeader(message.header()));
    CHECK_EQUAL(raw.Send(answer), 6u);
    CHECK_EQUAL(Hear(client), "answer");
}

TEST(nanomsg_service_calls_back)
{
    Running running;
    std::shared_ptr<Service> service = running.service;
    LoggedServer<Nano::PairServer> server(service, "tcp://127.0.0.1:0");
    std::atomic<int> on_loop(0);
    server.received = [&](Message& message)
    {
        on_loop += CppServer::Asio::Detail::OnLoopThread() ? 1 : 0;
        server.Send("re: " + message.string());
    };
    CHECK(server.Start());
    const std::string address = "tcp://127.0.0.1:" + std::to_string(server.port());
    LoggedClient<Nano::PairClient> client(running.service, address);
    CHECK(client.Connect());
    const std::string server_peer = std::to_string(server.socket().endpoint()) + " tcp://127.0.0.1:0";
    const std::string client_peer = std::to_string(client.socket().endpoint()) + " " + address + " dialed";
    server.log.Wait("connected " + server_peer);
    client.log.Wait("connected " + client_peer);
    CHECK_EQUAL(client.Send("hello"), 5u);
    client.log.Wait("received re: hello");
    CHECK_EQUAL(on_loop.load(), 1);
    CHECK(client.thread.load() == server.thread.load());
    CHECK(client.Disconnect());
    server.log.Wait("disconnected " + server_peer);
    CHECK_EQUAL(client.log.Events().back(), "onDisconnected");
    CHECK(client.Connect());
    client.log.Wait("connected " + std::to_string(client.socket().endpoint()) + " " + address + " dialed");
    CHECK_EQUAL(client.Send("again"), 5u);
    client.log.Wait("received re: again");
    CHECK(server.Stop());
    CHECK_EQUAL(server.log.Count("onThreadInitialize") + server.log.Count("onIdle") + client.log.Count("onIdle"), 0u);
}

TEST(nanomsg_service_keeps_messages_that_are_moved)
{
    Running running;
    const std::string address = UnusedName();
    LoggedServer<Nano::PushServer> server(running.service, address);
    std::vector<Message> kept;
    server.received = [&](Message& message) { kept.push_back(std::move(message)); };
    Nano::PushClient client(running.service, address);
    CHECK(server.Start() && client.Connect());
    for (int number = 0; number < 100; ++number)
        CHECK(client.Send(std::string(static_cast<size_t>(number), 'x') + ".") > 0);
    server.log.Wait("received " + std::string(99, 'x') + ".");
    CHECK(server.Stop());
    CHECK_EQUAL(kept.size(), 100u);
    for (size_t number = 0; number < 100; ++number)
        CHECK_EQUAL(kept[number].size(), number + 1);
}

TEST(nanomsg_service_with_every_class)
{
    Running running;
    auto& service = running.service;
    const std::vector<std::string> names = { UnusedName(), UnusedName(), UnusedName(), UnusedName(), UnusedName() };
    LoggedServer<Nano::RequestServer> reply(service, names[0]);
    LoggedClient<Nano::RequestClient> request(service, names[0]);
    reply.received = [&](Message& message) { reply.Send("re: " + message.string()); };
    CHECK(reply.Start() && request.Connect());
    CHECK_EQUAL(request.Request("question").string(), "re: question");
    CHECK_EQUAL(request.Send("another one"), 11u);
    request.log.Wait("received re: another one");
    LoggedServer<Nano::SubscribeServer> publisher(service, names[1]);
    LoggedClient<Nano::SubscribeClient> subscriber(service, names[1], "news");
    CHECK(publisher.Start() && subscriber.Connect());
    CHECK_EQUAL(publisher.Send("nothing new"), 11u);
    CHECK_EQUAL(publisher.Send("news"), 4u);
    subscriber.log.Wait("received news");
    CHECK_EQUAL(subscriber.log.Count("received nothing new"), 0u);
    LoggedServer<Nano::SurveyServer> surveyor(service, names[2], 100);
    LoggedClient<Nano::SurveyClient> respondent(service, names[2]);
    respondent.received = [&](Message&) { respondent.Send("answer"); };
    CHECK(surveyor.Start() && respondent.Connect());
    CHECK_EQUAL(surveyor.Send("question"), 8u);
    surveyor.log.Wait("onSurveyFinished");
    CHECK(surveyor.log.Before("received answer", "onSurveyFinished"));
    LoggedServer<Nano::Bus> one(service, names[3]);
    LoggedServer<Nano::Bus> other(service, names[4]);
    CHECK(one.Start() && other.Start() && other.Link(names[3]));
    CHECK_EQUAL(one.Send("to the others"), 13u);
    other.log.Wait("received to the others");
    LoggedServer<Nano::Server> general(service, Domain::Std, Protocol::Pull, UnusedName());
    LoggedClient<Nano::Client> dialer(service, Domain::Std, Protocol::Push, general.address());
    CHECK(general.Start() && dialer.Connect());
    CHECK_EQUAL(dialer.Send("pushed"), 6u);
    general.log.Wait("received pushed");
}

TEST(nanomsg_service_never_blocks)
{
    Running running;
    const std::string address = UnusedName();
    LoggedClient<Nano::PushClient> push(running.service, UnusedName());
    LoggedServer<Nano::PushServer> server(running.service, address);
    server.received = [&](Message&) { push.Send("nobody is there"); };
    Nano::PushClient client(address);
    CHECK(push.Connect() && server.Start() && client.Connect());
    CHECK_EQUAL(client.Send("a message"), 9u);
    push.log.Wait(ErrorText(EAGAIN));
    // Now somebody is.
    Nano::PushServer last(push.address());
    CHECK(last.Start());
    push.log.Wait("onWritable");
}

TEST(nanomsg_service_tells_errors)
{
    Running running;
    const std::string port = std::to_string(RawPeer().Listen(1));
    LoggedClient<Nano::PairClient> client(running.service, "tcp://127.0.0.1:" + port);
    CHECK(client.Connect());
    client.log.Wait(ErrorText(ECONNREFUSED));
    LoggedServer<Nano::PairServer> server(running.service, "tcp://127.0.0.1:0");
    CHECK(server.Start());
    RawPeer stranger(server.port());
    stranger.Send("GET / HTTP/1.1\r\n\r\n");
    server.log.Wait(ErrorText(EPROTO));
    CHECK(!server.details.empty());
}

TEST(nanomsg_service_exceptions_of_callbacks_are_told)
{
    Running running;
    const std::string address = UnusedName();
    LoggedServer<Nano::PairServer> server(running.service, address);
    server.received = [&](Message& message) { throw CppCommon::SystemException("received", static_cast<int>(message.size())); };
    LoggedClient<Nano::PairClient> client(address, false);
    CHECK(server.Start() && client.Connect());
    client.Send("a");
    client.Send("bb");
    server.log.Wait(ErrorText(1));
    server.log.Wait(ErrorText(2));
    CHECK(running.service->IsStarted());
}

TEST(nanomsg_service_stop_and_start_in_callbacks)
{
    Running running;
    const std::string address = UnusedName();
    LoggedServer<Nano::PushServer> server(running.service, address);
    server.received = [&](Message& message)
    {
        if (message.string() == "stop")
            server.log.Add(server.Stop() ? "done" : "not done");
        if (message.string() == "restart")
            server.log.Add(server.Restart() ? "done" : "not done");
    };
    LoggedClient<Nano::PushClient> client(address);
    CHECK(server.Start() && client.Connect());
    CHECK_EQUAL(client.Send("restart"), 7u);
    server.log.Wait("done");
    CHECK_EQUAL(client.Send("again"), 5u);
    server.log.Wait("received again");
    CHECK_EQUAL(client.Send("stop"), 4u);
    server.log.Wait("done", 2);
    CHECK(!server.IsStarted());
    CHECK(server.Start());
    CHECK_EQUAL(client.Send("the last"), 8u);
    server.log.Wait("received the last");
}

TEST(nanomsg_service_object_destroyed_by_its_callback)
{
    Running running;
    const std::string address = UnusedName();
    LoggedClient<Nano::PushClient> client(address);
    CHECK(client.Connect());
    for (int round = 0; round < 20; ++round)
    {
        Log log;
        auto* server = new LoggedServer<Nano::PushServer>(running.service, address);
        server->received = [&log, server](Message&)
        {
            Log& told = log;
            delete server;
            told.Add("destroyed");
        };
        CHECK(server->Start());
        CHECK_EQUAL(client.Send("message"), 7u);
        log.Wait("destroyed");
    }
}

TEST(nanomsg_service_stop_from_other_threads_while_messages_come)
{
    Running running;
    const std::string address = UnusedName();
    Nano::PushClient push(address);
    CHECK(push.Connect());
    std::atomic<bool> over(false);
    std::thread traffic([&]()
    {
        while (!over)
            push.TrySend("traffic");
    });
    for (int round = 0; round < 50; ++round)
    {
        std::atomic<int> calls(0);
        std::atomic<bool> stopped(false);
        std::atomic<int> late(0);
        LoggedServer<Nano::PushServer> server(running.service, address);
        server.received = [&](Message&)
        {
            ++calls;
            late += stopped ? 1 : 0;
        };
        CHECK(server.Start());
        UNTIL(calls > 5);
        CHECK(server.Stop());
        stopped = true;
        CHECK_EQUAL(late.load(), 0);
    }
    over = true;
    traffic.join();
}

TEST(nanomsg_service_start_that_fails)
{
    Running running;
    const std::string address = UnusedName();
    LoggedServer<Nano::PairServer> first(running.service, address);
    LoggedServer<Nano::PairServer> second(running.service, address);
    CHECK(first.Start());
    CHECK(!first.Start());
    CHECK(!second.Start());
    CHECK(!second.IsStarted());
    CHECK_EQUAL(second.log.Events(), (std::vector<std::string>{ ErrorText(EADDRINUSE) }));
    CHECK(first.Stop());
    second.started = []() { throw CppCommon::SystemException("no", 7); };
    CHECK(!second.Start());
    CHECK_EQUAL(second.log.Count(ErrorText(7)), 1u);
    second.started = nullptr;
    CHECK(second.Start());
    LoggedClient<Nano::PairClient> client(running.service, address);
    CHECK(client.Connect());
    CHECK_EQUAL(client.Send("at last"), 7u);
    second.log.Wait("received at last");
}

// Messages wait for the end of onStarted(), as they do for the thread of an object.
TEST(nanomsg_service_messages_wait_for_the_start)
{
    Running running;
    const std::string address = UnusedName();
    Nano::PushClient client(address);
    CHECK(client.Connect());
    LoggedServer<Nano::PushServer> server(running.service, address);
    server.started = [&]()
    {
        CHECK_EQUAL(client.Send("message"), 7u);
        // The loop had the time to receive it, if it would.
        running.Settle();
        server.log.Add("still starting");
    };
    CHECK(server.Start());
    server.log.Wait("received message");
    CHECK(server.log.Before("still starting", "received message"));
}

TEST(nanomsg_service_start_and_stop_from_eight_threads)
{
    Running running(2);
    const std::string address = UnusedName();
    std::atomic<int> calls(0);
    std::atomic<bool> over(false);
    LoggedServer<Nano::PushServer> server(running.service, address);
    LoggedClient<Nano::PushClient> client(running.service, address);
    // Also in callbacks.
    server.received = [&](Message&)
    {
        if (over)
            return;
        switch (++calls % 3)
        {
            case 0: server.Restart(); break;
            case 1: server.Stop(); break;
            default: server.Start(); break;
        }
    };
    CHECK(client.Connect());
    std::vector<std::thread> threads;
    for (int number = 0; number < 8; ++number)
    {
        threads.emplace_back([&, number]()
        {
            for (int round = 0; round < 100; ++round)
            {
                switch ((number + round) % 4)
                {
                    case 0: server.Start(); break;
                    case 1: server.Stop(); break;
                    case 2: server.Restart(); break;
                    default: client.TrySend("message"); break;
                }
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    over = true;
    // A callback that had begun before may still do something.
    UNTIL((server.Start(), running.Settle(), client.TrySend("at the end"), server.log.Count("received at the end") > 0));
    CHECK(server.IsStarted());
}

// It waited for the other thread, which waits for the I/O thread.
TEST(nanomsg_service_start_on_an_io_thread_while_another_one_stops)
{
    Running running;
    LoggedServer<Nano::PushServer> server(running.service, "tcp://127.0.0.1:0");
    CHECK(server.Start());
    Log log;
    running.service->Post([&]()
    {
        log.Add("begun");
        while (server.IsStarted())
            std::this_thread::yield();
        log.Add(server.Start() ? "started" : "not started");
    });
    log.Wait("begun");
    CHECK(server.Stop());
    log.Wait("not started");
    CHECK(server.Start());
}

TEST(nanomsg_service_keeps_no_large_message)
{
    Running running;
    const std::string address = UnusedName();
    LoggedServer<Nano::PushServer> server(running.service, address);
    Nano::PushClient client(address);
    CHECK(server.Start() && client.Connect());
    Message sent(std::string(100000, 'a').data(), 100000);
    CHECK_EQUAL(client.Send(sent), 100000u);
    server.log.Wait("received " + sent.string());
    running.Settle();
    // Nobody else has these bytes any more, so they need not be copied to be changed.
    const uint8_t* const bytes = const_cast<const Message&>(sent).buffer();
    CHECK(sent.buffer() == bytes);
}

TEST(nanomsg_service_object_is_moved)
{
    Running running;
    const std::string address = UnusedName();
    Nano::PushServer server(running.service, address);
    CHECK(server.Start());
    Nano::PushServer moved(std::move(server));
    CHECK(!moved.IsStarted());
    CHECK(moved.Start());
    Nano::PushClient client(address);
    CHECK(client.Connect());
    CHECK_EQUAL(client.Send("moved"), 5u);
    UNTIL(moved.socket().messages_received() == 1);
}
