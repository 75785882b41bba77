// Makes surveys, as programs for the early library wrote it.

#include "server/nanomsg/survey_server.h"

#include <iostream>
#include <memory>

class Host : public CppServer::Nanomsg::SurveyServer
{
public:
    using CppServer::Nanomsg::SurveyServer::SurveyServer;

protected:
    void onStarted() override { std::cout << "started" << std::endl; }
    void onStopped() override { std::cout << "stopped" << std::endl; }
    void onError(int error, const std::string& message) override { std::cout << "error " << error << ", " << message << std::endl; }
};

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    auto host = std::make_shared<Host>(std::string(argv[1]));
    host->Start();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            host->Restart();
        else if (host->Send(line) == line.size())
        {
            std::cout << "Survey started! Question: " << line << std::endl;
            bool finished = false;
            while (!finished)
            {
                CppServer::Nanomsg::Message message;
                std::tuple<size_t, bool> result = host->ReceiveSurvey(message);
                if (std::get<0>(result) > 0)
                    std::cout << "Answer: " << message << std::endl;
                finished = std::get<1>(result);
            }
            std::cout << "Survey finished!" << std::endl;
        }
    }
    host->Stop();
    return 0;
}
