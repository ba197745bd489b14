"""Serves a task to Palimpsest: the handshake on standard output, then gRPC over a unix socket.

Nothing in here knows what the task is for; a plugin of your own can take this file as it is. A task is an object with

    info()                      -> InfoReply
    plan(page, how)             -> list of Ask
    read(page, answers)         -> Reading
    finish(document)            -> Reading      (only where info() says finishes)

of the messages in task.proto, whose meaning package task describes. Calls come from several threads at once, and none
may depend on an earlier one. Raise Invalid for options and profiles that the task does not take.
"""

import os
import sys
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

import task_pb2
import task_pb2_grpc

PROTOCOL = "1"  # of task.proto
COOKIE = ("PALIMPSEST_TASK_PLUGIN", "b2a7c6f0-read-a-page")
MAX_MESSAGE = 64 << 20  # bytes, as the host's
CALLS = 16  # at once, as the host's


class Invalid(Exception):
    """Lies in what was handed in: asking again would not help."""


class Servicer(task_pb2_grpc.TaskServicer):
    """Answers the wire with a task."""

    def __init__(self, task):
        self.task = task

    def Info(self, request, context):
        return self.task.info()

    def Plan(self, request, context):
        return task_pb2.PlanReply(asks=checked(context, self.task.plan, request.page, request.profile))

    def Read(self, request, context):
        return checked(context, self.task.read, request.page, request.answers)

    def Finish(self, request, context):
        return checked(context, self.task.finish, request)


def checked(context, call, *args):
    try:
        return call(*args)
    except Invalid as e:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(e))


def serve(task):
    """Runs until the host ends it."""
    if os.environ.get(COOKIE[0]) != COOKIE[1] or PROTOCOL not in os.environ.get("PLUGIN_PROTOCOL_VERSIONS", "").split(","):
        sys.exit("This is a plugin of Palimpsest, which starts it: see `palimpsest plugins test`.")
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=CALLS),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    task_pb2_grpc.add_TaskServicer_to_server(Servicer(task), server)
    alive = health.HealthServicer()  # the host asks for it where a plugin seems to hang
    alive.set("plugin", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(alive, server)
    socket = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin.sock")  # a folder nobody else may enter
    server.add_insecure_port("unix:" + socket)
    server.start()
    print(f"1|{PROTOCOL}|unix|{socket}|grpc", flush=True)  # the handshake; nothing else may be written here
    server.wait_for_termination()
