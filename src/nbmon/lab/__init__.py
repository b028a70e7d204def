"""The laboratory: experiments with processes, threads and coroutines, on the machine of the one who asks."""
