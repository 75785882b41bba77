// Ends the process when standard input does.

#pragma once

#include <thread>

#include <unistd.h>

inline void end_with_input() {
    std::thread([] {
        char byte;
        while (read(STDIN_FILENO, &byte, 1) > 0) {
        }
        _exit(0);
    }).detach();
}
