// Loaded before libfaketime into the server: waits for events are those of the system. Inside of its own, libfaketime tells
// the real time, and there the server's handler of alarms looks whether a time limit is over.
#define _GNU_SOURCE
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms) {
  return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout_ms, (const sigset_t *)0, _NSIG / 8);
}
