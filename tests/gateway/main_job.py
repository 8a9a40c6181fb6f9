"""dgw's main job, typed as a person would: what is shown is what is run, and what it printed."""

from __future__ import annotations

import subprocess

import processes

STEP_LIMIT = 180.0  # seconds; on a busy machine a cluster alone may take a minute to start

COMPUTATION = """
client.wait_for_workers(2, timeout=60)
squares = client.map(lambda n: n * n, range(1000))
print(client.submit(sum, squares).result(timeout=60))
"""
RESULT = str(sum(n * n for n in range(1000)))


class StepFailed(Exception):
    """The text names the step."""


def walk(env: dict[str, str]) -> None:
    step("dgw options", env)
    new = "dgw new -s worker_cores=1 --workers 2"
    name = step(new, env, shown=f"name=$({new})", captured=True)
    env = env | {"name": name.strip()}
    step("dgw list", env)
    step("dgw scale $name 3", env)
    connection = step("dgw connect $name", env, captured=True)
    print(connection, end="")
    program = python_in(connection) + COMPUTATION
    shown = f"python <<'END'\n{program}END"
    result = step("python", env, shown=shown, stdin=program, captured=True)
    print(result, end="")
    if result.strip() != RESULT:
        raise StepFailed(f"the computation should have printed {RESULT}")
    step("dgw dashboard $name", env)
    step("dgw shutdown $name", env)
    step("dgw list", env)


def step(command: str, env: dict[str, str], *, shown: str = "", stdin: str = "",
         captured: bool = False) -> str:
    """Show a command and run it. What it prints goes where ours does, or is captured: returned."""
    print("$", shown or command, flush=True)
    try:
        done = subprocess.run(["sh", "-c", f"exec {command}"], env=env, input=stdin, text=True,
                              stdout=subprocess.PIPE if captured else None, timeout=STEP_LIMIT,
                              preexec_fn=processes.ends_with_us())
    except subprocess.TimeoutExpired:
        raise StepFailed(f"`{command}` did not end within {STEP_LIMIT:.0f} s") from None
    if done.returncode != 0:
        raise StepFailed(f"`{command}` ended with status {done.returncode}")
    return done.stdout


def python_in(text: str) -> str:
    """What `dgw connect` prints to be pasted: all from the first import on."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(("from ", "import ")):
            return "".join(lines[number:])
    raise StepFailed("`dgw connect` printed no Python")
