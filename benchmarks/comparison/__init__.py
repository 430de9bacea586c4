"""What other clients do and do not, feature by feature, each answer run: docs/compare.md.

`features` has the rows: a question each, and who judges. `probes` asks it of one client, in that
client's own environment. `world` is what the client talks to, and what tells what really came.
"""
