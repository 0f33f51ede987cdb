"""One cell: its windows are divided, its generator is fitted and drawn from, its metrics are computed.

Each of the three is done by a process of its own (docs/isolation.md).  `ecgbench.harness.engine.perform` starts
them, and it alone writes their results into the store.
"""
