"""What the benchmarks of whole commands share: processes and their peak memory, samples taken in turn, tables, machine."""
