"""Starting programs, timing them, and asking those that stay alive."""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))


class Failed(Exception):
    """A program did not do what it should; the text says which and why."""


def tail(file):
    file.seek(0)
    lines = [l for l in file.read().decode(errors="replace").splitlines() if l.strip()]
    return " / ".join(lines[-3:])[-300:]


class Turn:
    """One measurement at a time on a machine that several share: holds the lock FILE, if there is one."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.file = open(self.path, "a") if self.path else None
        if self.file:
            fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        if self.file:
            self.file.close()


def run(command, env=None, allowed=(0,), processors=None):
    """-> {"seconds": of the whole process, "bytes": the most memory it had, "text": its standard output}

    processors: those that it may use, all if None. This process stays small on purpose: a child is charged at its birth with its parent's memory.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **(env or {})},
            preexec_fn=processors and (lambda: os.sched_setaffinity(0, processors)),
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in allowed:
            names = [os.path.basename(c) for c in command[:3]]
            raise Failed("%s: exit %d: %s" % (" ".join(names), child.returncode, tail(err)))
        out.seek(0)
        text = out.read().decode(errors="replace")
    return {"seconds": seconds, "bytes": usage.ru_maxrss * 1024, "text": text}


def thaw_json(thaw, arguments, env=None):
    return json.loads(run([thaw] + arguments + ["--quiet", "--json", "-"], env)["text"])


class Worker:
    """A program that answers one line with one line (worker.py)."""

    def __init__(self, command, env=None):
        self.name = " ".join(os.path.basename(c) for c in command[1:3])
        self.err = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.err,
            text=True,
            env={**os.environ, **(env or {})},
        )

    def read(self):
        line = self.child.stdout.readline()
        if not line:
            raise Failed("%s ended: %s" % (self.name, tail(self.err)))
        return line.strip()

    def ask(self, line):
        try:
            self.child.stdin.write(line + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            pass  # read() says why
        return self.read()

    def close(self):
        try:
            self.child.stdin.close()
        except BrokenPipeError:
            pass
        self.child.wait()
        self.child.stdout.close()
        self.err.close()


def say(text):
    print(text, file=sys.stderr, flush=True)
