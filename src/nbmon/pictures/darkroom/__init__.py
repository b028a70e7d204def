"""Where pictures are made: a broker that takes jobs from the server's workers, and a process for each job.

`limits`: plain values. `job`: what goes over the socket. `desk`: who waits for what (pure). `opening`,
`pixels`, `saving`, `render`: Pillow, only ever used in a job's process. `child`: that process. `broker`: the
loop around it. `client`: the server's side.
"""
