"""The sandbox: student code runs in here and nowhere else, and nothing of it gets out.

`mode.choose_sandbox` says how student code is started, `process.run_in_sandbox` starts one command;
`probe.require_sandbox` refuses to go on where the sandbox does not hold. See docs/sandbox.md.
"""
