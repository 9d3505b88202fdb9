"""pyinfra underneath: connections, facts, operations, uploads. Everything it must not be left to decide is said here.

Imported only by the command line, since gevent must patch the standard library before anything else is.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import logging  # noqa: E402
import shlex  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, TypeVar  # noqa: E402

import gevent  # noqa: E402
from pyinfra.api.command import StringCommand  # noqa: E402
from pyinfra.api.config import Config  # noqa: E402
from pyinfra.api.connect import connect_all, disconnect_all  # noqa: E402
from pyinfra.api.exceptions import PyinfraError  # noqa: E402
from pyinfra.api.inventory import Inventory as Hosts  # noqa: E402
from pyinfra.api.operation import add_op  # noqa: E402
from pyinfra.api.operations import run_ops  # noqa: E402
from pyinfra.api.state import BaseStateCallback, State, StateStage  # noqa: E402

from deploy.fleet import Lost  # noqa: E402
from deploy.inventory import DEPLOY_USER, Fleet, Target  # noqa: E402

CONNECT_S = 10
COMMAND_S = 60
T = TypeVar("T")


class _Heard(BaseStateCallback):  # type: ignore[misc]
    """Why a host was dropped, and where an operation failed."""

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def host_connect_error(self, state: Any, host: Any, error: Any) -> None:
        self.errors[host.name] = str(error)

    def operation_host_error(self, state: Any, host: Any, op_hash: str, *about: Any) -> None:
        self.errors[host.name] = f"failed at: {', '.join(state.op_meta[op_hash].names)}"


@contextmanager
def _within(seconds: float, late: str) -> Iterator[None]:
    """Whatever goes wrong with a link in here, or takes longer, is Lost."""
    try:
        with gevent.Timeout(seconds, Lost(late)):
            yield
    except Lost:
        raise
    except (OSError, EOFError, PyinfraError) as broken:
        raise Lost(str(broken) or type(broken).__name__) from None
    except Exception as broken:
        if not type(broken).__module__.startswith("paramiko"):
            raise
        raise Lost(str(broken)) from None


class Link:
    """Connections to some terminals. Those that do not answer, or show another key, are in `dropped` with the reason;
    nothing waits for them."""

    def __init__(self, state: Any, heard: _Heard) -> None:
        self._state, self._heard = state, heard
        self._hosts = {h.name: h for h in state.active_hosts}
        self.dropped: dict[str, str] = {h.name: heard.errors.get(h.name, "no connection")
                                        for h in state.inventory if h.name not in self._hosts}  # fmt: skip

    @property
    def names(self) -> list[str]:
        return sorted(self._hosts)

    def run(self, name: str, *command: str, timeout_s: float = COMMAND_S, sudo: bool | None = None) -> tuple[bool, str]:
        """Success and output of one command, as root where this link is root's. Raises Lost."""
        more = {"_sudo": True} if (self._state.config.SUDO if sudo is None else sudo) else {}
        with _within(timeout_s, f"no answer in {timeout_s:.0f} s"):
            ok, said = self._hosts[name].run_shell_command(StringCommand(shlex.join(command)), **more)
        return bool(ok), "\n".join(said.stdout_lines if ok else said.stderr_lines or said.stdout_lines)

    def put(self, name: str, file: Path, to: str, timeout_s: float = 600.0) -> None:
        """Upload. Raises Lost."""
        with _within(timeout_s, f"the upload took more than {timeout_s:.0f} s"):
            done = self._hosts[name].put_file(str(file), to)
        if not done:
            raise Lost(f"{file.name} could not be uploaded")

    def again(self, name: str) -> None:
        """A new connection; nothing is said where there is none yet."""
        host = self._hosts[name]
        with gevent.Timeout(3 * CONNECT_S, False):
            try:
                host.disconnect()
            except Exception:  # a link that is dead already
                pass
            host.connected = False
            host.connect(reason="again", show_errors=False)

    def each(self, names: list[str], act: Callable[[str], T]) -> dict[str, T]:
        """`act` on all of them at once."""
        jobs = {name: gevent.spawn(act, name) for name in names}
        gevent.joinall(list(jobs.values()))
        return {name: job.get() for name, job in jobs.items()}

    # .. operations, for `first` ..

    def prepare(self, operation: Any, *args: Any, host: str, **kwargs: Any) -> Any:
        """Compare what is there with what should be; nothing is changed yet."""
        made = self._hosts[host]
        return add_op(self._state, operation, *args, host=made, **kwargs)[made]

    def fact(self, name: str, kind: Any, **about: Any) -> Any:
        """What is there now."""
        return self._hosts[name].get_fact(kind, _timeout=COMMAND_S, **about)

    def shows_diff(self, on: bool) -> None:
        self._state.config.DIFF = on

    def planned(self, name: str) -> list[str]:
        """Operations that would change something, by name."""
        host = self._hosts[name]
        names = {key: next(iter(meta.names)) for key, meta in self._state.op_meta.items()}
        return [names[key] for key, op in self._state.ops[host].items() if op.operation_meta._maybe_is_change]

    def carry_out(self) -> dict[str, str]:
        """Run what was prepared. Returns who failed, and where."""
        self._state.set_stage(StateStage.Execute)
        try:
            run_ops(self._state)
        except PyinfraError:
            pass  # nobody is left: said host by host below
        failed = {}
        for host in self._state.failed_hosts:
            if host.name in self._hosts:
                failed[host.name] = self._heard.errors.get(host.name, "an operation failed: see above")
        return failed

    def changed(self, name: str) -> int:
        """Operations that did change something."""
        results = self._state.ops[self._hosts[name]]
        return sum(1 for op in results.values() if op.operation_meta.is_complete() and op.operation_meta.did_change())


@contextmanager
def connected(fleet: Fleet, targets: list[Target], admin: bool = False, sudo: bool = False) -> Iterator[Link]:
    """Links to all that answer; strict host keys, one key, no agent, no forwarding."""
    user, key = (fleet.admin, fleet.admin_key) if admin else (DEPLOY_USER, fleet.deploy_key)
    rows = [(t.name, {"ssh_hostname": t.address, "ssh_port": t.port, "ssh_user": user, "ssh_key": str(key),
                      "ssh_known_hosts_file": str(fleet.known_hosts), "ssh_strict_host_key_checking": "yes",
                      "ssh_allow_agent": False, "ssh_look_for_keys": False, "ssh_forward_agent": False,
                      "ssh_config_file": "/dev/null",
                      "ssh_paramiko_connect_kwargs": {"banner_timeout": CONNECT_S, "auth_timeout": CONNECT_S,
                                                      "channel_timeout": CONNECT_S}})
            for t in targets]  # fmt: skip
    state = State(Hosts((rows, {})), Config(CONNECT_TIMEOUT=CONNECT_S, SUDO=sudo, FAIL_PERCENT=100))
    heard = _Heard()
    state.add_callback_handler(heard)
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    state.set_stage(StateStage.Connect)
    try:
        connect_all(state)
    except PyinfraError:
        pass  # nobody answered: all of them are in `dropped`
    state.set_stage(StateStage.Prepare)
    try:
        yield Link(state, heard)
    finally:
        try:
            with gevent.Timeout(5.0, False):
                disconnect_all(state)
        except Exception:  # a link that is dead already
            pass
