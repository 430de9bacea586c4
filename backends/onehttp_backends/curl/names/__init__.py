"""Names looked up by ourselves, so that one nobody answers for costs its own calls only.

libcurl gives a multi twenty resolver threads: twenty dead names and no other is found; a forked
child, and whoever closes the multi, waits for them. Here libcurl starts none of them: where it
would look a name up it stops, and is given the addresses that a thread of ours has found.
What lives here knows no driver and no engine: it is asked, and tells.
"""
