from __future__ import annotations

from collections.abc import Callable

import azure.functions as func
import pytest
from azurefunctions.extensions.http.fastapi import Request, Response

from local_host.functions import AppError, read_app


async def handler(req: Request) -> Response:
    return Response()


def _app(register: Callable[[func.FunctionApp], object]) -> func.FunctionApp:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    register(app)
    return app


def test_reads_routes_and_timers() -> None:
    app = _app(lambda app: app.function_name("one")(app.route("a/{b}", methods=["GET", "POST"])(handler)))

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *", run_on_startup=True)
    def tidy(timer: func.TimerRequest) -> None:
        """Do nothing."""

    for _ in range(2):  # reading twice is fine
        read = read_app(app, route_prefix="api")
        (route,) = read.routes
        assert (route.name, set(route.methods), route.template.text) == ("one", {"GET", "POST"}, "api/a/{b}")
        assert (route.target.parameter, route.target.handler) == ("req", handler)
        (timer,) = read.timers
        assert (timer.name, timer.parameter, timer.run_on_startup) == ("tidy", "timer", True)


def test_route_without_methods_takes_all_that_the_host_knows() -> None:
    (route,) = read_app(_app(lambda app: app.route("a")(handler))).routes
    assert route.methods == {"GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS"}


def test_schedule_from_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHEDULE", "7 0 0 * * *")
    (timer,) = read_app(_app(lambda app: app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")(handler))).timers
    assert timer.schedule.seconds == (7,)


def _twice(app: func.FunctionApp) -> None:
    for name in ("one", "two"):
        app.function_name(name)(app.route("same", methods=["GET"])(handler))


def _same_name(app: func.FunctionApp) -> None:
    for name in ("one", "ONE"):
        app.function_name(name)(app.route(f"r/{name}", methods=["GET"])(handler))


def _sync(app: func.FunctionApp) -> None:
    def plain(req: Request) -> Response:
        return Response()

    app.route("plain")(plain)


@pytest.mark.parametrize(
    ("register", "message"),
    [
        pytest.param(_twice, "functions one and two both claim GET same", id="same route twice"),
        pytest.param(_same_name, "another function has this name", id="names differ in case only"),
        pytest.param(_sync, "must be an async function", id="sync function"),
        pytest.param(lambda app: app.route("admin/x")(handler), "host's own", id="reserved"),
        pytest.param(lambda app: app.route("runtimes")(handler), "host's own", id="reserved beginning"),
        pytest.param(lambda app: app.route("a/{b")(handler), "without end", id="bad template"),
        pytest.param(lambda app: app.function_name("1st")(app.route("a")(handler)), "the name is not", id="bad name"),
        pytest.param(lambda app: app.route("a", trigger_arg_name="my_req")(handler), "'my_req'", id="bad binding name"),
        pytest.param(
            lambda app: app.queue_trigger(arg_name="message", queue_name="q", connection="C")(handler), "queueTrigger", id="unknown trigger"
        ),
        pytest.param(lambda app: app.timer_trigger(arg_name="timer", schedule="soon")(handler), "schedule 'soon'", id="bad schedule"),
    ],
)
def test_app_that_cannot_be_hosted(register: Callable[[func.FunctionApp], object], message: str) -> None:
    with pytest.raises(AppError, match=message):
        read_app(_app(register))
