"""Measures training sets beside peers: point-in-time joins from Parquet to Parquet."""
