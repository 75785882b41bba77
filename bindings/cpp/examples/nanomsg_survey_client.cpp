// Answers surveys: nanomsg_survey_client [address]. The answer is the question reversed. "!" connects anew, an empty line
// ends it.
//
//     c++ -std=c++14 nanomsg_survey_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/survey_client.h"

#include <iostream>

class Respondent : public CppServer::Nanomsg::SurveyClient
{
public:
    using CppServer::Nanomsg::SurveyClient::SurveyClient;

protected:
    void onConnected() override { std::cout << "Connected to " << address() << std::endl; }
    void onDisconnected() override { std::cout << "Disconnected from " << address() << std::endl; }

    void onReceived(CppServer::Nanomsg::Message& message) override
    {
        std::cout << "Incoming: " << message << std::endl;
        std::string text = message.string();
        Send(std::string(text.rbegin(), text.rend()));
    }

    void onError(int error, const std::string& message) override
    {
        std::cerr << "Client: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6670";

    Respondent client(address);
    if (!client.Connect())
        return 1;
    std::cout << "Nanomsg survey server address: " << address << std::endl;
    std::cout << "An empty line stops the client, '!' connects it anew." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client.Reconnect();
    }

    client.Disconnect();
    return 0;
}
