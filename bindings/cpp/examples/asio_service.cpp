// A service alone: what is posted runs on its I/O thread, in order; what is dispatched there runs at once.
//
//     c++ -std=c++14 asio_service.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/service.h"
#include "server/asio/timer.h"
#include "threads/thread.h"

#include <future>
#include <iostream>

class Worker : public CppServer::Asio::Service
{
public:
    using CppServer::Asio::Service::Service;

protected:
    void onStarted() override { std::cout << "started on thread " << CppCommon::Thread::CurrentThreadId() << std::endl; }
    void onStopped() override { std::cout << "stopped" << std::endl; }
};

int main()
{
    auto service = std::make_shared<Worker>();
    service->Start();
    std::cout << "main is thread " << CppCommon::Thread::CurrentThreadId() << std::endl;

    service->Post([service]() {
        std::cout << "posted, runs on thread " << CppCommon::Thread::CurrentThreadId() << std::endl;
        service->Post([]() { std::cout << "posted from there, runs later" << std::endl; });
        service->Dispatch([]() { std::cout << "dispatched from there, runs at once" << std::endl; });
    });

    std::promise<void> rang;
    auto timer = std::make_shared<CppServer::Asio::Timer>(service, [&rang]() { rang.set_value(); });
    timer->Start(std::chrono::milliseconds(100));
    rang.get_future().wait();
    std::cout << "the timer rang" << std::endl;

    service->Stop();
    return 0;
}
