"""Upstream's Python client against a server: plan, apply, list, get, stop, logs. Prints one JSON object.

Usage: client_api.py URL PROJECT TOKEN
"""

import json
import sys
import time

from dstack.api import Client, Resources, Task

URL, PROJECT, TOKEN = sys.argv[1:4]
LIMIT = 60

seen = {}


def wait_for(what, condition):
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise SystemExit(f"not within {LIMIT} s: {what}; so far {seen}")


def small(name, *commands):
    return Task(name=name, commands=list(commands), resources=Resources(cpu="1..", memory="0.1GB..", disk="0.1GB.."))


def run(client, name):
    return client.runs.get(run_name=name)


client = Client.from_config(server_url=URL, project_name=PROJECT, user_token=TOKEN)

plan = client.runs.get_run_plan(configuration=small("py-plan", "echo from the client"))
seen["plan_offers"] = plan.job_plans[0].total_offers
seen["plan_backend"] = plan.job_plans[0].offers[0].backend.value
seen["plan_action"] = plan.action.value

applied = client.runs.apply_plan(run_plan=plan)
seen["applied_name"] = applied.name
done = wait_for("py-plan ends", lambda: (r := run(client, "py-plan")) and r.status.is_finished() and r)
seen["plan_status"] = done.status.value
seen["plan_logs"] = b"".join(done.logs()).decode()

long = client.runs.apply_configuration(
    configuration=small("py-long", "echo started", "exec sleep 600"), reserve_ports=False
)
wait_for("py-long runs", lambda: run(client, "py-long").status.value == "running")
seen["listed"] = sorted(r.name for r in client.runs.list(all=True))
long.refresh()
seen["long_status"] = long.status.value
wait_for("py-long prints", lambda: b"started" in b"".join(run(client, "py-long").logs()))
long.stop(abort=False)
stopped = wait_for("py-long ends", lambda: (r := run(client, "py-long")) and r.status.is_finished() and r)
seen["stopped_status"] = stopped.status.value
seen["stopped_reason"] = str(getattr(stopped._run.termination_reason, "value", stopped._run.termination_reason))

aborted = client.runs.apply_configuration(configuration=small("py-abort", "exec sleep 600"), reserve_ports=False)
wait_for("py-abort runs", lambda: run(client, "py-abort").status.value == "running")
aborted.stop(abort=True)
ended = wait_for("py-abort ends", lambda: (r := run(client, "py-abort")) and r.status.is_finished() and r)
seen["aborted_status"] = ended.status.value
seen["aborted_reason"] = str(getattr(ended._run.termination_reason, "value", ended._run.termination_reason))
seen["missing"] = run(client, "py-nothing") is None

print(json.dumps(seen))
