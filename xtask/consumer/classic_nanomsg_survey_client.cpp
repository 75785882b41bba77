// Answers surveys, as programs for the early library wrote it.

#include "server/nanomsg/survey_client.h"
#include "threads/thread.h"

#include <iostream>
#include <memory>

class Guest : public CppServer::Nanomsg::SurveyClient
{
public:
    using CppServer::Nanomsg::SurveyClient::SurveyClient;

protected:
    void onConnected() override { std::cout << "connected" << std::endl; }
    void onDisconnected() override
    {
        std::cout << "disconnected" << std::endl;
        CppCommon::Thread::Sleep(200);
        Connect();
    }
    void onReceived(CppServer::Nanomsg::Message& message) override
    {
        std::cout << "Incoming: " << message << std::endl;
        std::string text(message.string());
        Send(std::string(text.rbegin(), text.rend()));
    }
    void onError(int error, const std::string& message) override { std::cout << "error " << error << ", " << message << std::endl; }
};

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    auto guest = std::make_shared<Guest>(std::string(argv[1]));
    guest->Connect();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            guest->Disconnect();
    }
    // Connects again, so that the guest is connected when it is destroyed.
    guest->Disconnect();
    return 0;
}
