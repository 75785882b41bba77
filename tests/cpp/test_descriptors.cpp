// A server without descriptors to accept with: told once, no busy loop, and it goes on when there are some again.

#include "child.h"
#include "raw_peer.h"
#include "support.h"

#if !defined(_WIN32)

#include <ctime>
#include <fcntl.h>
#include <sys/resource.h>

using namespace Test;

namespace {

// Processor time of the whole process in milliseconds.
long ProcessorTime() { return static_cast<long>(std::clock() / (CLOCKS_PER_SEC / 1000)); }

} // namespace

CHILD(accept_without_descriptors)
{
    Running running;
    auto server = running.StartedServer();
    struct rlimit limit;
    CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    CHECK(::setrlimit(RLIMIT_NOFILE, &limit) == 0);

    RawPeer peer;
    std::vector<int> taken;
    for (int handle = ::open("/dev/null", O_RDONLY); handle >= 0; handle = ::open("/dev/null", O_RDONLY))
        taken.push_back(handle);
    peer.Connect(server->port());
    const std::string error = "server.onError" + ErrorText(asio::error::no_descriptors);
    server->log.Wait(error);
    CHECK(server->IsStarted());

    // The connection still waits; a loop that tried it at full speed would use all of this time.
    const long before = ProcessorTime();
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    CHECK(ProcessorTime() - before < 200);
    CHECK(server->log.Count(error) < 20);

    for (const int handle : taken)
        ::close(handle);
    server->log.Wait("server.onConnected");
    std::printf("served\n");
}

TEST(server_without_descriptors_tells_it_and_serves_later)
{
    const ChildResult result = RunChild("accept_without_descriptors");
    CHECK_EQUAL(result.output, std::string("served\n"));
    CHECK_EQUAL(result.status, 0);
}

#endif
