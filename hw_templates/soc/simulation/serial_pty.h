// The far end of the simulated UART: a pseudo-terminal that any serial program can open.
//
// Bytes are never lost: when nobody reads, writing waits, and the simulated clock with it. The
// terminal is raw, and stays alive while clients come and go because its client side is held open
// here too.

#pragma once

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <termios.h>
#include <unistd.h>

inline volatile std::sig_atomic_t stop_requested = 0;

class SerialPty {
public:
    SerialPty()
    {
        master_ = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (master_ < 0 || grantpt(master_) != 0 || unlockpt(master_) != 0) {
            fail("cannot make a pseudo-terminal");
        }
        char path[128];
        if (ptsname_r(master_, path, sizeof path) != 0) {
            fail("cannot name the pseudo-terminal");
        }
        path_ = path;
        keep_alive_ = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        termios settings;
        if (keep_alive_ < 0 || tcgetattr(keep_alive_, &settings) != 0) {
            fail("cannot open the pseudo-terminal");
        }
        cfmakeraw(&settings);
        if (tcsetattr(keep_alive_, TCSANOW, &settings) != 0) {
            fail("cannot make the pseudo-terminal raw");
        }
    }

    SerialPty(const SerialPty &) = delete;
    SerialPty &operator=(const SerialPty &) = delete;

    ~SerialPty()
    {
        close(keep_alive_);
        close(master_);
    }

    const std::string &path() const { return path_; }

    // Takes one byte from the firmware; waits only when 64 KiB are not read yet.
    void put(uint8_t byte)
    {
        out_[out_size_++] = byte;
        if (out_size_ == sizeof out_) {
            flush_and_wait();
        }
    }

    // Gives away as much as the terminal takes now.
    void flush()
    {
        size_t sent = 0;
        while (sent < out_size_) {
            const ssize_t count = write(master_, out_ + sent, out_size_ - sent);
            if (count <= 0) {
                check("write to", count);
                break;
            }
            sent += static_cast<size_t>(count);
        }
        if (sent > 0) {
            std::memmove(out_, out_ + sent, out_size_ - sent);
            out_size_ -= sent;
        }
    }

    // Returns whether get() has a byte; looks for new ones without waiting.
    bool available()
    {
        if (in_next_ == in_end_) {
            const ssize_t count = read(master_, in_, sizeof in_);
            if (count <= 0) {
                check("read from", count);
                return false;
            }
            in_next_ = 0;
            in_end_ = static_cast<size_t>(count);
        }
        return true;
    }

    uint8_t get() { return in_[in_next_++]; }

    // Waits until a byte has come; delivers what the firmware wrote meanwhile. False: asked to stop.
    bool wait_for_input()
    {
        while (!stop_requested) {
            flush();
            if (available()) {
                return true;
            }
            wait(static_cast<short>(POLLIN | (out_size_ > 0 ? POLLOUT : 0)));
        }
        return false;
    }

private:
    void flush_and_wait()
    {
        flush();
        while (out_size_ == sizeof out_ && !stop_requested) {
            wait(POLLOUT);
            flush();
        }
        if (out_size_ == sizeof out_) {
            out_size_ = 0; // asked to stop: nobody will read it
        }
    }

    void wait(short events)
    {
        pollfd watched = {master_, events, 0};
        // The time limit covers a signal that arrives between the test of the flag and the call.
        if (poll(&watched, 1, 200) < 0 && errno != EINTR) {
            fail("cannot wait for the pseudo-terminal");
        }
    }

    static void check(const char *doing, ssize_t count)
    {
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            std::fprintf(stderr, "simulator: cannot %s the pseudo-terminal: %s\n", doing,
                         std::strerror(errno));
            std::exit(1);
        }
    }

    [[noreturn]] static void fail(const char *what)
    {
        std::fprintf(stderr, "simulator: %s: %s\n", what, std::strerror(errno));
        std::exit(1);
    }

    int master_ = -1;
    int keep_alive_ = -1;
    std::string path_;
    uint8_t out_[65536];
    size_t out_size_ = 0;
    uint8_t in_[4096];
    size_t in_next_ = 0;
    size_t in_end_ = 0;
};
