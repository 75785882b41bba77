// Makes surveys: nanomsg_survey_server [address]. Each line of input is a question to all clients that are there; their
// answers are printed until the deadline of a second. "!" restarts the server, an empty line ends it.
//
//     c++ -std=c++14 nanomsg_survey_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/survey_server.h"

#include <iostream>

class Surveyor : public CppServer::Nanomsg::SurveyServer
{
public:
    using CppServer::Nanomsg::SurveyServer::SurveyServer;

protected:
    void onError(int error, const std::string& message) override
    {
        std::cerr << "Server: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6670";

    Surveyor server(address);
    if (!server.Start())
        return 1;
    std::cout << "Nanomsg survey server address: " << address << std::endl;
    std::cout << "An empty line stops the server, '!' restarts it, other lines are questions." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
        {
            if (server.Restart())
                std::cout << "Server restarted" << std::endl;
        }
        else if (server.Send(line) == line.size())
        {
            std::cout << "Survey started! Question: " << line << std::endl;
            CppServer::Nanomsg::Message answer;
            while (!std::get<1>(server.ReceiveSurvey(answer)))
                std::cout << "Answer: " << answer << std::endl;
            std::cout << "Survey finished!" << std::endl;
        }
    }

    server.Stop();
    return 0;
}
