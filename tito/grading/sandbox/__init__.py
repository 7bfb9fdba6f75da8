"""The sandbox: student code runs in here and nowhere else, and cannot leave it.

`mode.choose_sandbox` says how student code is started, `process.run_in_sandbox` starts one command;
`probe.require_sandbox` raises an error where the sandbox does not hold. See docs/sandbox.md.
"""
