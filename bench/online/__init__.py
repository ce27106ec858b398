"""Measures online stores beside peers: materialization from Parquet, and reads."""
